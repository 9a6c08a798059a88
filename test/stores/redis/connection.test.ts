import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { openConnection } from '../../../stores/redis/connection.ts'
import { makeAuthority } from '../../support/certificates.ts'
import { requireRedis, startRedis } from '../../support/redis.ts'
import { until } from '../../support/until.ts'
import { chargeOf, openCounters, openUp, ruleOf } from './counters.ts'

const PAGE = join(import.meta.dirname, '../../../docs/shared-limits.md')

test('limit: a store is spoken to in TLS, with a certificate, and only if its own is valid', async t => {
  if (!requireRedis(t)) return
  const authority = makeAuthority(t)
  const server = authority.issue('store', { names: 'IP:127.0.0.1' })
  const client = authority.issue('gateway')
  await using redis = await startRedis({ tls: { ...server, ca: authority.ca } })
  const tls = {
    ca: Buffer.from(authority.pem),
    cert: readFileSync(client.cert),
    key: readFileSync(client.key),
  }
  await using store = await openUp(redis.url, { tls })
  assert.ok((await store.take(chargeOf(ruleOf())))[0]!.allowed)

  const reasonOf = async (url: string, options: { readonly tls?: Partial<typeof tls> }) => {
    await using other = openCounters(url, options)
    return await until('the store is away', () => other.changes[0])
  }
  assert.match(await reasonOf(redis.url, {}), /certificate/)
  assert.match(
    await reasonOf(redis.url, { tls: { ...tls, ca: Buffer.from(makeAuthority(t).pem) } }),
    /certificate/,
  )
  assert.match(await reasonOf(redis.url.replace('127.0.0.1', 'localhost'), { tls }), /altnames/)
  assert.match(await reasonOf(redis.url, { tls: { ca: tls.ca } }), /certificate required|ECONNRESET/)
})

test('limit: a user of the store needs no more rights than the documentation gives', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis()
  const [command] = /^ACL SETUSER .+$/m.exec(readFileSync(PAGE, 'utf8')) ?? []
  assert.ok(command, 'the page has the command')
  await redis.cli(...command.split(' '))
  const [, password = ''] = /on >(\S+)/.exec(command)!
  const [, prefix = ''] = /~(\S+)\*/.exec(command)!
  await using store = await openUp(redis.url, { username: 'waygate', password, prefix })
  for (const algorithm of ['gcra', 'exact', 'fixed'] as const) {
    const rule = ruleOf({ id: algorithm, algorithm, limit: 2, windowMicros: 60_000_000 })
    const answers = [1, 2, 3].map(() => store.take(chargeOf(rule)))
    assert.deepEqual(
      (await Promise.all(answers)).map(([verdict]) => verdict!.allowed),
      [true, true, false],
    )
    store.counters.add([chargeOf(rule, 'k', { cost: -1 })])
    const [verdict] = await store.take(chargeOf(rule, 'k', { isTest: true, cost: 0 }))
    assert.equal(verdict!.remaining, 1, algorithm)
  }
  await using elsewhere = openCounters(redis.url, { username: 'waygate', password, prefix: 'other:' })
  await until('another prefix is refused', () => elsewhere.changes[0]?.includes('NOPERM'))
})

test('limit: user, password and database in the URL are used', async t => {
  if (!requireRedis(t)) return
  await using redis = await startRedis({ args: ['--requirepass', 'p:@ss'], cliArgs: ['-a', 'p:@ss'] })
  const url = new URL(redis.url)
  url.username = 'default'
  url.password = 'p:@ss'
  url.pathname = '/3'
  await using store = await openUp(url.href)
  await store.take(chargeOf(ruleOf({ windowMicros: 60_000_000 })))
  // A probe of a store that seemed away has a key of its own.
  const keys = (await redis.cli('-n', '3', 'keys', '*')).split(/\s+/).filter(key => !key.endsWith('probe'))
  assert.equal(keys.length, 1, `${keys}`)
  assert.equal(await redis.cli('-n', '0', 'dbsize'), '0')
})

test('limit: what was sent to a store that had lost the script may have been counted when the connection is closed', async t => {
  const scriptSent = Promise.withResolvers<void>()
  const server = createServer(socket =>
    socket.on('data', bytes => {
      if (bytes.includes('EVALSHA')) socket.write('-NOSCRIPT No matching script.\r\n')
      else scriptSent.resolve()
    }),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const connection = await openConnection(
    {
      ...{ urls: [`redis://127.0.0.1:${port}`], isCluster: false, prefix: 'test:', clock: 'store' },
      ...{ timeoutMs: 10_000, retryMs: 100 },
    },
    new AbortController().signal,
    () => {},
  )
  const answer = connection.run(['k'], [])
  answer.catch(() => {})
  await scriptSent.promise
  connection.close()
  await assert.rejects(answer, { name: 'StoreUnavailable', mayHaveCounted: true })
})
