import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { requireRedis } from '../../support/redis.ts'
import { startRedisCluster } from '../../support/redis-cluster.ts'
import { until } from '../../support/until.ts'
import { chargeOf, openUp, ruleOf } from './counters.ts'

const PAGE = join(import.meta.dirname, '../../../docs/shared-limits.md')
const HOUR_MICROS = 3_600_000_000

test('limit: in a cluster, keys lie at several nodes, and what one node refuses is given back at the others', async t => {
  if (!requireRedis(t)) return
  await using cluster = await startRedisCluster()
  const rights = readFileSync(PAGE, 'utf8').match(/^ACL SETUSER .+$/gm)!
  assert.equal(rights.length, 2)
  for (const node of cluster.nodes) for (const command of rights) await node.cli(...command.split(' '))
  const user = { username: 'waygate', password: 'secret', prefix: 'waygate:' }
  await using store = await openUp([cluster.urls[1]!], { isCluster: true, ...user })

  const rule = ruleOf({ id: 'one', limit: 3, windowMicros: HOUR_MICROS })
  for (let i = 0; i < 30; i++) {
    const first = await store.take(chargeOf(rule, `k${i}`), chargeOf({ ...rule, id: 'same key' }, `k${i}`))
    assert.deepEqual(
      first.map(({ remaining }) => remaining),
      [2, 2],
    )
  }
  // DBSIZE counts a key that has expired, such as one that asked whether the store is there, until Redis has removed it.
  const sizes = await Promise.all(
    cluster.nodes.map(async node => (await node.cli('keys', '*')).split('\n').filter(Boolean).length),
  )
  assert.ok(
    sizes.every(size => size > 0),
    `${sizes}`,
  )
  assert.equal(
    sizes.reduce((sum, size) => sum + size),
    60,
  )

  for (const algorithm of ['gcra', 'exact', 'fixed'] as const) {
    const wide = ruleOf({ id: `wide ${algorithm}`, algorithm, limit: 10, windowMicros: HOUR_MICROS })
    const narrow = ruleOf({ id: `narrow ${algorithm}`, limit: 2, windowMicros: HOUR_MICROS })
    let admitted = 0
    let last: Awaited<ReturnType<typeof store.take>> = []
    for (let i = 0; i < 3; i++) {
      last = await store.take(
        ...['a', 'b', 'c', 'd'].map(key => chargeOf(wide, key, { cost: 2 })),
        chargeOf(narrow, 'e'),
      )
      if (last.every(({ allowed }) => allowed)) admitted++
    }
    assert.equal(admitted, 2)
    assert.deepEqual(
      last.map(({ remaining }) => remaining),
      [6, 6, 6, 6, 0],
    )
    // What was given back is on its way.
    await until('the charges are given back', async () => {
      const rest = await store.take(...['a', 'b', 'c', 'd'].map(key => chargeOf(wide, key, { isTest: true })))
      return rest.every(({ remaining }) => remaining === 6)
    })
  }
})

test('limit: a cluster that lacks a node is away, and used again when it is complete', async t => {
  if (!requireRedis(t)) return
  await using cluster = await startRedisCluster()
  await using store = await openUp(cluster.urls, { isCluster: true, retryMs: 200 })
  const rule = ruleOf({ limit: 1_000, windowMicros: HOUR_MICROS })
  let key = 0
  const take = () => store.take(chargeOf(rule, `k${key++}`))
  for (let i = 0; i < 30; i++) await take()

  await cluster.nodes[0]!.kill('SIGKILL')
  await until('the store is away', async () => {
    await take().catch(() => {})
    return (store.results.away ?? 0) > 0
  })
  const { length } = store.changes
  assert.ok(length >= 2, 'it is told')
  await cluster.nodes[0]!.restart()
  await store.untilUp()
  await until('every node is asked again', async () => {
    for (let i = 0; i < 30; i++) await take()
    return true
  })
  assert.equal(store.changes.at(-1), 'up')
})
