import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { Deadlines } from '../../../middleware/request/deadlines.ts'

// Deadlines do not keep a process alive. In a gateway, its sockets do.
const alive = setInterval(() => {}, 1_000)
after(() => clearInterval(alive))

/** Creates deadlines on a clock of the test. Ticks come in real time. */
function startClock() {
  const clock = { now: 0 }
  const deadlines = new Deadlines(() => clock.now)
  const start = (timeoutMs: number) => {
    const call = new Call('id', 'GET', '/', clock.now)
    const ended = new Promise<string>(resolve => {
      call.current = { cancel: reason => resolve(reason.kind) }
    })
    return { call, ended, deadline: deadlines.start(call, timeoutMs) }
  }
  return { clock, deadlines, start }
}

test('a call is ended with a timeout when its deadline has passed, and not before', async () => {
  const { clock, start } = startClock()
  const call = start(100)
  const earlier = start(99)
  clock.now = 99
  await earlier.ended
  assert.equal(call.call.ended, undefined)
  clock.now = 100
  assert.equal(await call.ended, 'timeout')
})

test('a cleared deadline ends nothing, and clearing it twice is harmless', async () => {
  const { clock, start } = startClock()
  const cleared = start(60)
  const witness = start(60)
  cleared.deadline.clear()
  cleared.deadline.clear()
  clock.now = 1_000
  await witness.ended
  assert.equal(cleared.call.ended, undefined)
})

test('a refreshed deadline starts again, behind those that were added meanwhile', async () => {
  const { clock, deadlines, start } = startClock()
  const refreshed = start(100)
  const other = start(100)
  clock.now = 50
  deadlines.refresh(refreshed.deadline)
  clock.now = 149
  await other.ended
  assert.equal(refreshed.call.ended, undefined)
  clock.now = 150
  assert.equal(await refreshed.ended, 'timeout')
})

test('refreshing a cleared deadline does not bring it back', async () => {
  const { clock, deadlines, start } = startClock()
  const cleared = start(60)
  cleared.deadline.clear()
  deadlines.refresh(cleared.deadline)
  const witness = start(60)
  clock.now = 1_000
  await witness.ended
  assert.equal(cleared.call.ended, undefined)
})

test('many calls with different timeouts all end', async () => {
  const { clock, start } = startClock()
  const calls = Array.from({ length: 1_000 }, (_, index) => start(10 + (index % 7)))
  clock.now = 1_000
  assert.deepEqual(new Set(await Promise.all(calls.map(call => call.ended))), new Set(['timeout']))
})

test('a call that had to wait before it was sent is ended by its own start time', async () => {
  const { clock, deadlines, start } = startClock()
  const waiting = new Call('id', 'GET', '/', 0)
  const ended = new Promise<string>(resolve => {
    waiting.current = { cancel: reason => resolve(reason.kind) }
  })
  const before = start(100)
  clock.now = 50
  const after = [start(100), start(100)]
  deadlines.start(waiting, 100)
  clock.now = 100
  assert.equal(await ended, 'timeout')
  assert.equal(await before.ended, 'timeout')
  for (const { call } of after) assert.equal(call.ended, undefined)
})
