import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { openRaw } from '../../support/http.ts'
import { answer } from '../../support/node-server.ts'
import { startDispatchFront } from './dispatch-front.ts'

const HEAD = 'PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\n'

test('a call that ends while the client owes its body is not a failure of the node', async t => {
  const { node, front, peer } = await startDispatchFront(t, () => {})
  const client = await openRaw(front.port, `${HEAD}half`)
  await node.received(1)
  front.calls[0]!.end(new UpstreamFailure('timeout'))
  await front.failed(1)
  assert.equal((front.failures[0] as UpstreamFailure).kind, 'unsendable')
  assert.deepEqual([peer.inFlight, peer.failures], [0, 0])
  await node.idle()
  client.socket.destroy()
})

test('a try timeout does not end a try while the client owes its body', async t => {
  const { node, front, peer } = await startDispatchFront(t, async (socket, request) => {
    socket.write(answer(String(await request.whole)))
  })
  const client = await openRaw(front.port, `${HEAD}half`)
  await node.received(1)
  front.calls[0]!.current!.cancel(new UpstreamFailure('timeout'))
  client.socket.write('rest')
  await client.until('halfrest')
  assert.deepEqual([peer.inFlight, peer.failures], [0, 0])
  client.socket.destroy()
})

test('a node that has the whole body and does not answer is blamed', async t => {
  const whole = Promise.withResolvers<unknown>()
  const { front, peer } = await startDispatchFront(t, (_, request) => whole.resolve(request.whole))
  const client = await openRaw(front.port, `${HEAD}halfrest`)
  await whole.promise
  front.calls[0]!.current!.cancel(new UpstreamFailure('timeout'))
  await front.failed(1)
  assert.equal((front.failures[0] as UpstreamFailure).kind, 'timeout')
  assert.deepEqual([peer.inFlight, peer.failures], [0, 1])
  client.socket.destroy()
})
