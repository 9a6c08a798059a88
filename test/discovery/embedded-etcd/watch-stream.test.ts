import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyRange } from '../../../discovery/embedded-etcd/key-range.ts'
import { Store } from '../../../discovery/embedded-etcd/store.ts'
import type { WatchRequest, WatchResponse } from '../../../discovery/embedded-etcd/watch.ts'
import { WatchStream, type WatchStreamOptions } from '../../../discovery/embedded-etcd/watch-stream.ts'

const b = (text: string) => Buffer.from(text)
const EVERYTHING: WatchRequest = {
  range: keyRange(b('\0'), b('\0')),
  startRevision: 0n,
  watchId: 0n,
  prevKv: false,
  noPut: false,
  noDelete: false,
  fragment: false,
  progressNotify: false,
}

/** A store and a stream whose reader accepts `patience` messages until it is slow. */
function createReader({
  patience = Number.POSITIVE_INFINITY,
  historyEvents = 10_000,
  ...limits
}: { patience?: number; historyEvents?: number } & Omit<WatchStreamOptions, 'store' | 'send'> = {}) {
  const store = new Store({
    historyEvents,
    historyBytes: Number.POSITIVE_INFINITY,
    quotaBytes: Number.POSITIVE_INFINITY,
  })
  const messages: WatchResponse[] = []
  let left = patience
  const stream = new WatchStream({
    store,
    send(message) {
      messages.push(message)
      return --left > 0
    },
    ...limits,
  })
  store.listen(stream)
  return {
    store,
    stream,
    put: (key: string, value = 'v') => store.write(writer => writer.put(b(key), b(value), 0n)),
    /** Returns what was sent since the last call: watch and revisions. */
    taken: () => messages.splice(0).map(describe),
    takeMore() {
      left = patience
      stream.resume()
    },
  }
}

function describe(message: WatchResponse): string {
  const revisions = message.events?.map(event => event.kv.modRevision).join(' ')
  if (message.created) return `${message.watchId} created`
  if (message.compactRevision) return `${message.watchId} compacted ${message.compactRevision}`
  if (message.canceled) return `${message.watchId} canceled`
  return `${message.watchId}: ${revisions ?? `progress ${message.revision}`}${message.fragment ? ' ...' : ''}`
}

test('a slow reader gets everything that it missed when it is ready, in fewer messages', () => {
  const { stream, put, taken, takeMore } = createReader({ patience: 2 })
  stream.create(EVERYTHING)
  for (const key of ['a', 'b', 'c', 'd']) put(key)
  assert.deepEqual(taken(), ['0 created', '0: 2'])
  takeMore()
  assert.deepEqual(taken(), ['0: 3 4 5'])
  put('e')
  assert.deepEqual(taken(), ['0: 6'])
  put('f')
  assert.deepEqual(taken(), [])
  takeMore()
  assert.deepEqual(taken(), ['0: 7'])
})

test('a backlog is sent in whole revisions of about the message size', () => {
  const { store, stream, put, taken } = createReader({ batchEvents: 3 })
  put('a')
  store.write(writer => {
    for (const key of ['b', 'c', 'd']) writer.put(b(key), b('v'), 0n)
  })
  put('e')
  put('f')
  stream.create({ ...EVERYTHING, startRevision: 1n })
  assert.deepEqual(taken(), ['0 created', '0: 2 3 3 3', '0: 4 5'])
})

test('a backlog of large values is sent in messages of about the size', () => {
  const { stream, put, taken } = createReader({ batchBytes: 1_000 })
  for (const key of ['a', 'b', 'c', 'd', 'e']) put(key, 'v'.repeat(500))
  stream.create({ ...EVERYTHING, startRevision: 1n })
  assert.deepEqual(taken(), ['0 created', '0: 2 3', '0: 4 5', '0: 6'])
})

test('no revision and no event is lost or repeated between the backlog and new events', () => {
  const { stream, put, taken, takeMore } = createReader({ patience: 1, batchEvents: 2 })
  for (let n = 0; n < 7; n++) put(`k${n}`)
  stream.create({ ...EVERYTHING, startRevision: 2n })
  const heard: string[] = []
  for (let n = 0; n < 12; n++) {
    heard.push(...taken())
    if (n < 5) put(`live${n}`)
    takeMore()
  }
  const revisions = heard.slice(1).flatMap(line => line.slice(3).split(' '))
  assert.deepEqual(revisions, ['2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13'])
})

test('a busy watch does not delay the others', () => {
  const { stream, put, taken, takeMore } = createReader({ patience: 1, batchEvents: 1 })
  stream.create({ ...EVERYTHING, range: keyRange(b('a'), b('b')) })
  takeMore()
  stream.create({ ...EVERYTHING, range: keyRange(b('z'), b('')) })
  for (const key of ['a1', 'a2', 'a3', 'z']) put(key)
  taken()
  takeMore()
  takeMore()
  assert.deepEqual(taken(), ['0: 2', '1: 5'])
})

test('a watch that compaction has overtaken is cancelled with the compacted revision', () => {
  const { store, stream, put, taken, takeMore } = createReader({ patience: 2, historyEvents: 10 })
  stream.create(EVERYTHING)
  for (let n = 0; n < 30; n++) put('k')
  assert.deepEqual(taken(), ['0 created', '0: 2'])
  takeMore()
  assert.deepEqual(taken(), [`0 compacted ${store.compactRevision}`])
  put('k')
  assert.deepEqual(taken(), [])
})

test('progress waits until the reader has everything up to it', () => {
  const { stream, put, taken, takeMore } = createReader({ patience: 2 })
  stream.create(EVERYTHING)
  put('a')
  put('b')
  stream.requestProgress()
  assert.deepEqual(taken(), ['0 created', '0: 2'])
  takeMore()
  assert.deepEqual(taken(), ['0: 3', '-1: progress 3'])
})

test('only a quiet watch that asked for progress gets it', () => {
  const { stream, put, taken } = createReader()
  stream.create({ ...EVERYTHING, progressNotify: true, range: keyRange(b('a'), b('')) })
  stream.create({ ...EVERYTHING, range: keyRange(b('a'), b('')) })
  put('a')
  stream.notifyProgress()
  assert.deepEqual(taken(), ['0 created', '1 created', '0: 2', '1: 2'])
  stream.notifyProgress()
  assert.deepEqual(taken(), ['0: progress 2'])
})

test('a closed stream sends nothing more', () => {
  const { stream, put, taken } = createReader()
  stream.create(EVERYTHING)
  taken()
  stream.close()
  put('a')
  stream.requestProgress()
  assert.deepEqual(taken(), [])
})

test('a fragment stays within its size, and the last one says that it is', () => {
  const { store, stream, taken } = createReader({ fragmentBytes: 2_500 })
  stream.create({ ...EVERYTHING, fragment: true })
  stream.create(EVERYTHING)
  store.write(writer => {
    for (const key of ['a', 'b', 'c', 'd', 'e']) writer.put(b(key), Buffer.alloc(1_000), 0n)
  })
  assert.deepEqual(taken().slice(2), ['0: 2 2 ...', '0: 2 2 ...', '0: 2', '1: 2 2 2 2 2'])
})

test('a reader that takes nothing is told of no progress until it has caught up', () => {
  const { stream, taken, takeMore } = createReader({ patience: 1 })
  stream.create({ ...EVERYTHING, progressNotify: true })
  for (let n = 0; n < 3; n++) stream.notifyProgress()
  assert.deepEqual(taken(), ['0 created'])
  takeMore()
  stream.notifyProgress()
  assert.deepEqual(taken(), ['0: progress 1'])
})
