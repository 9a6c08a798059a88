import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventQueue } from '../../discovery/event-queue.ts'

test('all events are read in order, including those pushed before there was a reader or while it was busy', async () => {
  const queue = new EventQueue<number>(new AbortController().signal)
  queue.push(1)
  const read: number[] = []
  for await (const event of queue) {
    read.push(event)
    if (event === 1) {
      queue.push(2)
      setImmediate(() => queue.push(3))
    }
    if (event === 3) break
  }
  assert.deepEqual(read, [1, 2, 3])
})

test('an abort ends a waiting reader, and one that has unread events', async () => {
  for (const waiting of [true, false]) {
    const stop = new AbortController()
    let ends = 0
    const queue = new EventQueue<number>(stop.signal, () => ends++)
    if (!waiting) for (let i = 0; i < 3; i++) queue.push(i)
    const read: number[] = []
    setImmediate(() => stop.abort())
    for await (const event of queue) {
      read.push(event)
      stop.abort()
    }
    assert.equal(read.length, waiting ? 0 : 1)
    assert.equal(ends, 1)
    queue.push(9)
  }
})

test('a reader that leaves its loop ends the queue once', async () => {
  let ends = 0
  const queue = new EventQueue<number>(new AbortController().signal, () => ends++)
  queue.push(1)
  for await (const _ of queue) break
  assert.equal(ends, 1)
  queue.end()
  assert.equal(ends, 1)
})
