import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventQueue } from '../../discovery/event-queue.ts'

test('everything pushed is read in order, also what came before the reader and while it was busy', async () => {
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

test('an abort ends a reader that waits, and one that has events before it', async () => {
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
