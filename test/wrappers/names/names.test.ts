import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FoundAddresses } from '../../../wrappers/names/name-query.ts'
import { Names, type NamesOptions } from '../../../wrappers/names/names.ts'
import { until } from '../../support/until.ts'

/** Names whose look-ups the test answers. */
function createScene(options: Omit<NamesOptions, 'query'> = {}) {
  const queries: PromiseWithResolvers<FoundAddresses>[] = []
  const changes: (string | undefined)[] = []
  const names = new Names({
    query: () => {
      queries.push(Promise.withResolvers())
      return queries.at(-1)!.promise
    },
    onChange: (_, error) => void changes.push(error?.message),
    ...options,
  })
  return {
    names,
    queries,
    changes,
    found: (addresses: readonly string[], ttlMs = 0) => queries.at(-1)!.resolve({ addresses, ttlMs }),
    failed: (code: string) => queries.at(-1)!.reject(Object.assign(new Error(code), { code })),
  }
}

test('many who ask for a name share one look-up, and its addresses are kept', async () => {
  const { names, queries, found } = createScene()
  const asked = [names.addressesOf('node'), names.addressesOf('node')]
  found(['10.0.0.1'])
  for (const each of asked) assert.deepEqual(await each, ['10.0.0.1'])
  await names.addressesOf('node')
  assert.equal(queries.length, 1)
  assert.deepEqual(names.counts, { found: 1, unknown: 0, failed: 0 })
})

test('a name is looked up again by its time to live, within bounds', async () => {
  const { names, queries, found } = createScene({ minTtlMs: 1_000, maxTtlMs: 60_000 })
  for (const [ttlMs, freshMs] of [
    [0, 1_000],
    [5_000, 5_000],
    [86_400_000, 60_000],
  ] as const) {
    const name = `ttl${ttlMs}`
    const asked = names.addressesOf(name)
    found(['10.0.0.1'], ttlMs)
    await asked
    const { length } = queries
    names.follow(name, performance.now() + freshMs - 500)
    assert.equal(queries.length, length)
    names.follow(name, performance.now() + freshMs)
    assert.equal(queries.length, length + 1)
  }
})

test('while the name servers are silent, the addresses known last stand', async () => {
  const { names, queries, changes, found, failed } = createScene({ minTtlMs: 1 })
  const first = names.addressesOf('node')
  found(['10.0.0.1'])
  await first
  await until('it is old', () => names.follow('node', performance.now()) && queries.length === 2)
  // This look-up is never answered in time.
  assert.deepEqual(await names.addressesOf('node'), ['10.0.0.1'])
  failed('ETIMEOUT')
  await until('it is noted', () => names.counts.failed === 1)
  assert.deepEqual(await names.addressesOf('node'), ['10.0.0.1'])
  assert.equal(queries.length, 2, 'a failure stands for a while')
  await until('it is asked for again', () => names.follow('node', performance.now()) && queries.length === 3)
  found(['10.0.0.2'])
  await until('they have changed', () => names.follow('node', 0)?.[0] === '10.0.0.2')
  assert.deepEqual(changes, ['ETIMEOUT', undefined])
})

test('a name that is gone has no addresses, and says why at once for a while', async () => {
  const { names, queries, failed } = createScene()
  const asked = names.addressesOf('node')
  failed('ENOTFOUND')
  await assert.rejects(asked, { code: 'ENOTFOUND' })
  await assert.rejects(names.addressesOf('node'), { code: 'ENOTFOUND' })
  assert.equal(queries.length, 1)
  assert.deepEqual(names.counts, { found: 0, unknown: 1, failed: 0 })
})

test('connections begin with another address each time, and with one that could not be reached last', async () => {
  const { names, found } = createScene()
  const asked = names.addressesOf('node')
  found(['a', 'b', 'c'])
  await asked
  const firsts = async () => [(await names.addressesOf('node'))[0], (await names.addressesOf('node'))[0]]
  assert.deepEqual(await firsts(), ['b', 'c'])
  names.avoid('node', 'a')
  for (let i = 0; i < 3; i++) {
    const order = await names.addressesOf('node')
    assert.equal(order.at(-1), 'a')
    assert.equal(order.length, 3)
  }
})
