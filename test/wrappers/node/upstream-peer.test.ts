import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { type PeerOptions, UpstreamPeer } from '../../../wrappers/node/upstream-peer.ts'
import { testNode } from '../../support/peer.ts'
import { testRequest } from '../../support/route.ts'

test('a call that chose a node just before it was removed is refused, and leaves no timer', async t => {
  const circuit = {
    failureRatio: 0.5,
    minimumRequests: 10,
    windowMs: 77_770,
    openMs: 5_000,
    maxOpenMs: 30_000,
  }
  const begun = t.mock.method(globalThis, 'setInterval')
  const ended = t.mock.method(globalThis, 'clearInterval')
  const peer = new UpstreamPeer(testNode({ id: 'a' }), {
    circuit: () => circuit,
    onBreaker() {},
  } as unknown as PeerOptions)
  peer.dispose()
  const call = new Call('id', 'GET', '/', performance.now())
  const sending = peer.circuit.fire(async () => assert.fail('the node is asked'), testRequest(), call)
  await assert.rejects(sending, /the node was removed/)
  const timers = begun.mock.calls.map(({ result }) => result)
  const left = timers.filter(timer => !ended.mock.calls.some(({ arguments: [each] }) => each === timer))
  assert.deepEqual([timers.length, left.length], [1, 0])
})
