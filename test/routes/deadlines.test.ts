import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Call } from '../../internal/call.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { Deadlines } from '../../routes/deadlines.ts'

// Deadlines do not keep a process alive; in a gateway its sockets do.
const alive = setInterval(() => {}, 1_000)
after(() => clearInterval(alive))

/** A call and the moment it is ended. */
function startCall(deadlines: Deadlines, timeoutMs: number) {
  const call = new Call('id', 'GET', '/', performance.now())
  const ended = new Promise<{ kind: string; afterMs: number }>(resolve => {
    call.current = {
      cancel: reason => resolve({ kind: reason.kind, afterMs: performance.now() - call.startedAt }),
    }
  })
  return { call, ended, deadline: deadlines.start(call, timeoutMs) }
}

test('a call is ended as a timeout once its time is over, and not before', async () => {
  const { ended } = startCall(new Deadlines(), 80)
  const { kind, afterMs } = await ended
  assert.equal(kind, 'timeout')
  assert.ok(afterMs >= 80, `${afterMs} ms`)
})

test('a cleared deadline ends nothing, and clearing it twice is harmless', async () => {
  const deadlines = new Deadlines()
  const cleared = startCall(deadlines, 60)
  const witness = startCall(deadlines, 60)
  cleared.deadline.clear()
  cleared.deadline.clear()
  await witness.ended
  assert.equal(cleared.call.ended, undefined)
})

test('a refreshed deadline begins anew, behind those that came meanwhile', async () => {
  const deadlines = new Deadlines()
  const refreshed = startCall(deadlines, 100)
  const other = startCall(deadlines, 100)
  await startCall(deadlines, 50).ended
  deadlines.refresh(refreshed.deadline)
  await other.ended
  assert.equal(refreshed.call.ended, undefined)
  const { afterMs } = await refreshed.ended
  assert.ok(afterMs >= 150, `${afterMs} ms`)
})

test('a refresh after the end or the clearing does not bring a deadline back', async () => {
  const deadlines = new Deadlines()
  const cleared = startCall(deadlines, 60)
  cleared.deadline.clear()
  deadlines.refresh(cleared.deadline)
  await startCall(deadlines, 120).ended
  assert.equal(cleared.call.ended, undefined)
})

test('calls with different timeouts end in the order of their deadlines', async () => {
  const deadlines = new Deadlines()
  const order: string[] = []
  const long = startCall(deadlines, 220).ended.then(() => order.push('long'))
  const short = startCall(deadlines, 60).ended.then(() => order.push('short'))
  await Promise.all([long, short])
  assert.deepEqual(order, ['short', 'long'])
})

test('what a call is ended with says nothing but that time is over', async () => {
  const { call, ended } = startCall(new Deadlines(), 20)
  await ended
  assert.ok(call.ended instanceof UpstreamFailure)
})
