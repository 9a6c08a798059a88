import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startEmbeddedEtcd } from '../../../discovery/embedded-etcd/server.ts'
import { type Answer, RawClient } from './raw-client.ts'

const KEYS = 40
const OPERATIONS = 2_000
const CONCURRENT = 50

/** Gives the same numbers on every run, so that a failure can be reproduced. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Reads a watch up to a revision, checks its order, and returns the resulting keys. */
async function replay(
  client: RawClient,
  create: object,
  last: Promise<bigint>,
): Promise<Map<string, string>> {
  using stream = client.watch()
  stream.send({ create_request: { key: Buffer.from('k'), range_end: Buffer.from('l'), ...create } })
  const keys = new Map<string, string>()
  let seen = 0n
  let goal: bigint | undefined
  void last.then(revision => {
    goal = revision
    stream.send({ progress_request: {} })
  })
  for (;;) {
    const { events, header, watch_id } = await stream.next()
    if (events.length > 0) {
      const first = BigInt(events[0].kv.mod_revision)
      assert.ok(first > seen, `revision ${first} came after ${seen}: a revision was split or repeated`)
    }
    for (const { type, kv, prev_kv } of events as Answer[]) {
      const key = kv.key.toString()
      assert.ok(BigInt(kv.mod_revision) >= seen, 'revisions go up')
      seen = BigInt(kv.mod_revision)
      assert.equal(prev_kv?.value.toString(), keys.get(key), 'an event replaces what the ones before it left')
      if (type === 'Delete') keys.delete(key)
      else keys.set(key, kv.value.toString())
    }
    if (goal !== undefined && watch_id === '-1' && BigInt(header.revision) >= goal) return keys
  }
}

test('the events of every watcher, replayed, give the content of the store', async () => {
  await using server = await startEmbeddedEtcd({ port: 0 })
  using client = new RawClient(server.url)
  using watching = new RawClient(server.url)
  const random = createRandom(20_260_101)
  const key = () => Buffer.from(`k${random(KEYS)}`)
  const lastRevision = Promise.withResolvers<bigint>()
  const watchers: Promise<Map<string, string>>[] = []
  const watchFrom = (start_revision: number, more: object = {}) =>
    watchers.push(replay(watching, { start_revision, prev_kv: true, ...more }, lastRevision.promise))

  const operate = async (n: number) => {
    const value = Buffer.from(String(n))
    const kind = random(10)
    if (kind < 5) await client.call('KV', 'Put', { key: key(), value })
    else if (kind < 7) await client.call('KV', 'DeleteRange', { key: key() })
    else if (kind < 8) {
      await client.call('KV', 'DeleteRange', { key: key(), range_end: Buffer.from(`k${random(KEYS)}`) })
    } else if (kind < 9) {
      const names = [...new Set([random(KEYS), random(KEYS), random(KEYS)])]
      const success = names.map(name => ({ request_put: { key: Buffer.from(`k${name}`), value } }))
      await client.call('KV', 'Txn', { success })
    } else {
      const { ID } = await client.call('Lease', 'LeaseGrant', { TTL: 60 })
      await client.call('KV', 'Put', { key: key(), value, lease: ID })
      await client.call('KV', 'Put', { key: key(), value, lease: ID })
      await client.call('Lease', 'LeaseRevoke', { ID })
    }
  }

  // Watchers start all the time, each from the first revision, between past and new events.
  watchFrom(2)
  let next = 0
  const workers = Array.from({ length: CONCURRENT }, async () => {
    while (next < OPERATIONS) {
      const n = next++
      if (n % 400 === 200) watchFrom(2, { fragment: true })
      await operate(n)
    }
  })
  await Promise.all(workers)
  const { header, kvs } = await client.call('KV', 'Range', {
    key: Buffer.from('k'),
    range_end: Buffer.from('l'),
  })
  lastRevision.resolve(BigInt(header.revision))

  const stored = Object.fromEntries(kvs.map((kv: Answer) => [kv.key.toString(), kv.value.toString()]))
  assert.equal(watchers.length, 6)
  for (const keys of await Promise.all(watchers)) assert.deepEqual(Object.fromEntries(keys), stored)
})
