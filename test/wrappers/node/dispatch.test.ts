import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { createConnect } from '../../../wrappers/node/dispatch.ts'
import { UpstreamPeer } from '../../../wrappers/node/upstream-peer.ts'
import { realPeer } from '../../support/front.ts'
import { startNode } from '../../support/node-server.ts'
import { testRequest } from '../../support/route.ts'

test('a call that is cancelled while it connects closes its connection, which is no longer in flight', async t => {
  const { port } = await startNode(t, () => {})
  const peer = realPeer(t, port)
  let socket: Socket | undefined
  const call = new Call('id', 'GET', '/', 0)
  call.peer = Object.assign(peer, {
    connect(done: Parameters<UpstreamPeer['connect']>[0]) {
      socket = UpstreamPeer.prototype.connect.call(peer, done)
      return socket
    },
  })
  const connected = createConnect()(testRequest(), call)
  assert.equal(peer.inFlight, 1)
  call.end(new UpstreamFailure('aborted'))
  await assert.rejects(connected, { kind: 'aborted' })
  assert.deepEqual([socket?.destroyed, peer.inFlight, peer.failures], [true, 0, 0])
})
