import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Journal } from '../../../discovery/embedded-etcd/journal.ts'
import { keyRange } from '../../../discovery/embedded-etcd/key-range.ts'
import { LeaseTable } from '../../../discovery/embedded-etcd/lease-table.ts'
import { Store } from '../../../discovery/embedded-etcd/store.ts'
import { WatchStream } from '../../../discovery/embedded-etcd/watch-stream.ts'
import { seededRandom } from '../../support/random.ts'

const b = (text: string) => Buffer.from(text)
const UNBOUNDED = {
  historyEvents: Number.POSITIVE_INFINITY,
  historyBytes: Number.POSITIVE_INFINITY,
  quotaBytes: Number.POSITIVE_INFINITY,
}
const EVERYTHING = keyRange(b('\0'), b('\0'))

function put(store: Store, key: string, value = 'v'): void {
  store.write(writer => writer.put(b(key), b(value), 0n))
}

function keysAt(store: Store, revision = 0n): string {
  return store
    .range(EVERYTHING, revision)
    .map(kv => kv.key)
    .join(' ')
}

test('keys are listed in byte order, regardless of the order of the puts', () => {
  const store = new Store(UNBOUNDED)
  for (const key of ['m', 'z', 'a', 'q', 'b', 'zz', 'aa']) put(store, key)
  assert.equal(keysAt(store), 'a aa b m q z zz')
})

test('a stored value does not change with the buffer it came in', () => {
  const store = new Store(UNBOUNDED)
  const [key, value] = [b('key'), b('value')]
  store.write(writer => writer.put(key, value, 0n))
  key.fill('x')
  value.fill('x')
  assert.equal(store.latest(b('key'))?.value.toString(), 'value')
})

test('a stored key and value keep no memory but their own', () => {
  const store = new Store(UNBOUNDED)
  put(store, 'key', 'value')
  const { key, value } = store.latest(b('key'))!
  assert.deepEqual(
    [key, value].map(bytes => bytes.buffer.byteLength),
    [key.length, value.length],
  )
})

test('listeners are called once per revision, when it is complete, and not for writes without changes', () => {
  const store = new Store(UNBOUNDED)
  const heard: string[] = []
  store.listen({
    committed: (events, revision) =>
      heard.push(`${revision}: ${events.map(event => event.name)} of ${keysAt(store)}`),
  })
  store.write(writer => {
    writer.put(b('a'), b('1'), 0n)
    writer.put(b('b'), b('1'), 0n)
  })
  store.write(writer => writer.delete(keyRange(b('nothing'), b(''))))
  store.write(writer => writer.delete(EVERYTHING))
  assert.deepEqual(heard, ['2: a,b of a b', '3: a,b of '])
})

test('history stays within its limit of events, and current keys are untouched', () => {
  const store = new Store({ ...UNBOUNDED, historyEvents: 100 })
  for (let n = 0; n < 1_000; n++) put(store, `k${n % 10}`)
  assert.ok(store.log.length <= 100, `${store.log.length} events`)
  assert.ok(store.log.length >= 50, 'half of the bound is kept')
  assert.equal(store.range(EVERYTHING).length, 10)
  assert.equal(store.range(EVERYTHING, store.compactRevision).length, 10)
  assert.throws(() => store.range(EVERYTHING, store.compactRevision - 1n), /has been compacted/)
})

test('history stays within its limit of bytes', () => {
  const store = new Store({ ...UNBOUNDED, historyBytes: 1 << 20 })
  for (let n = 0; n < 100; n++) put(store, 'large', 'v'.repeat(100_000))
  assert.ok(store.log.bytes <= 1 << 20, `${store.log.bytes} bytes of events`)
  assert.ok(store.bytes <= 2 << 20, `${store.bytes} bytes of keys and values`)
})

test('keys that come and go leave nothing behind', () => {
  const store = new Store({ ...UNBOUNDED, historyEvents: 100 })
  for (let n = 0; n < 5_000; n++) {
    put(store, `key ${n}`)
    store.write(writer => writer.delete(keyRange(b(`key ${n}`), b(''))))
  }
  store.compact(store.revision)
  assert.equal(store.bytes, 0)
})

/** A journal that has kept nothing yet of what it was told. */
function createBatch() {
  const changes: { undo(): void; done(): void }[] = []
  const journal: Journal = {
    isRefusing: false,
    permit() {},
    add: (_, undo, done = () => {}) => void changes.push({ undo, done }),
  }
  return {
    journal,
    keep: () => changes.splice(0).forEach(({ done }) => void done()),
    lose: () =>
      changes
        .splice(0)
        .reverse()
        .forEach(({ undo }) => void undo()),
  }
}

test('history that is kept in one piece is told to the end before its older half is compacted', () => {
  const store = new Store({ ...UNBOUNDED, historyEvents: 4 })
  const heard: string[] = []
  const range = keyRange(b('rare'), b(''))
  const watch = new WatchStream({
    store,
    send({ events = [], compactRevision }) {
      heard.push(compactRevision ? `compacted ${compactRevision}` : events.map(({ name }) => name).join())
      return true
    },
  })
  const quiet = { startRevision: 0n, watchId: 0n, prevKv: false, noPut: false, noDelete: false }
  watch.create({ range, ...quiet, fragment: false, progressNotify: false })
  store.listen(watch)
  const batch = createBatch()
  store.keepIn(batch.journal)
  for (const key of ['a', 'rare', 'a', 'a', 'a', 'a', 'a']) put(store, key)
  batch.keep()
  assert.deepEqual(heard, ['', 'rare'])
  assert.ok(store.log.length <= 4, `${store.log.length} events`)
})

test('a revision that changed a key twice and is lost leaves the key to the lease that it had', () => {
  const store = new Store(UNBOUNDED)
  const clock = { now: () => 0, wallNow: () => 0, randomId: () => 9n, minTtlSeconds: 1n }
  const leases = new LeaseTable(clock)
  store.listen(leases)
  for (const id of [1n, 2n]) leases.grant(id, 60n)
  store.write(writer => writer.put(b('a'), b('v'), 1n))
  const batch = createBatch()
  store.keepIn(batch.journal)
  // As a transaction does with an inner one that puts a key and another one that deletes it.
  store.write(writer => {
    writer.put(b('a'), b('w'), 2n)
    writer.delete(keyRange(b('a'), b('')))
  })
  batch.lose()
  assert.equal(store.latest(b('a'))?.lease, 1n)
  assert.deepEqual(
    [1n, 2n].map(id => leases.describe(id)?.keys),
    [['a'], []],
  )
})

test('a revision larger than the limit is kept', () => {
  const store = new Store({ ...UNBOUNDED, historyEvents: 10 })
  store.write(writer => {
    for (let n = 0; n < 50; n++) writer.put(b(`k${n}`), b('v'), 0n)
  })
  assert.equal(store.log.length, 50)
  put(store, 'next')
  assert.equal(store.log.length, 1)
  assert.equal(store.range(EVERYTHING).length, 51)
})

/** Makes a store anew from the state before the log of another one, and the log. */
function rebuilt(store: Store): Store {
  const copy = new Store(UNBOUNDED)
  copy.begin([...store.origin()], store.originRevision)
  for (let at = 0; at < store.log.length; at++) {
    const { kv } = store.log.at(at)!
    copy.write(writer => {
      if (kv.version > 0n) writer.put(kv.key, kv.value, kv.lease)
      else writer.delete(keyRange(kv.key, b('')))
    })
    assert.equal(copy.revision, kv.modRevision)
  }
  if (store.compactRevision > copy.compactRevision) copy.compact(store.compactRevision)
  return copy
}

test('a store is made again from its origin and its log, also when the compacted revision is a deletion', () => {
  const store = new Store(UNBOUNDED)
  for (const key of ['a', 'b']) put(store, key)
  store.write(writer => writer.delete(keyRange(b('a'), b(''))))
  store.compact(store.revision)
  assert.equal(keysAt(rebuilt(store)), 'b')
})

test('random stores are made again from their origin and their log', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed)
    const store = new Store(random() < 0.5 ? UNBOUNDED : { ...UNBOUNDED, historyEvents: 8 })
    for (let step = 0; step < 40; step++) {
      const key = `k${Math.floor(random() * 5)}`
      const dice = random()
      if (dice < 0.5) put(store, key, `v${step}`)
      else if (dice < 0.9) store.write(writer => writer.delete(keyRange(b(key), b(''))))
      else if (store.revision > store.compactRevision) store.compact(store.revision)
      const copy = rebuilt(store)
      assert.equal(copy.revision, store.revision, `seed ${seed}`)
      assert.deepEqual(copy.range(EVERYTHING), store.range(EVERYTHING), `seed ${seed}`)
      const from = store.compactRevision > 1n ? store.compactRevision : 1n
      for (let revision = from; revision <= store.revision; revision++)
        assert.deepEqual(copy.range(EVERYTHING, revision), store.range(EVERYTHING, revision), `seed ${seed}`)
    }
  }
})
