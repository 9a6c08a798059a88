import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { Upstream } from '../../../internal/upstream.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { createRetry } from '../../../wrappers/retry/retry.ts'
import { realPeer, startFront } from '../../support/front.ts'
import { openRaw, send } from '../../support/http.ts'
import { answer, deadPort, startNode } from '../../support/node-server.ts'
import { testRequest } from '../../support/route.ts'
import { dispatch, startDispatchFront } from './dispatch-front.ts'

function callTo(peer: ReturnType<typeof realPeer>): Call {
  const call = new Call('id', 'GET', '/', 0)
  call.peer = peer
  return call
}

async function failureOf(promise: Promise<unknown>): Promise<UpstreamFailure> {
  try {
    await promise
  } catch (error) {
    assert.ok(error instanceof UpstreamFailure, String(error))
    return error
  }
  throw new assert.AssertionError({ message: 'an answer came' })
}

test('a client that leaves before the answer cancels the request at the node', async t => {
  const { node, front, peer } = await startDispatchFront(t, () => {})
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await node.received(1)
  client.socket.destroy()
  await node.idle()
  await front.failed(1)
  assert.equal((front.failures[0] as UpstreamFailure).kind, 'aborted')
  assert.deepEqual([peer.inFlight, peer.failures], [0, 0])
})

test('a client that leaves during the answer cancels the rest of it', async t => {
  const { node, front, peer } = await startDispatchFront(t, socket =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
  )
  const client = await openRaw(front.port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
  await client.until('half')
  client.socket.destroy()
  await node.idle()
  assert.deepEqual([peer.inFlight, peer.failures], [0, 0])
})

test('a client that leaves during its upload cancels it, and the node is not blamed', async t => {
  const { node, front, peer } = await startDispatchFront(t, () => {})
  for (const framing of [
    'Content-Length: 100\r\n\r\nhalf',
    'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
  ]) {
    const before = node.requests.length
    const client = await openRaw(front.port, `POST / HTTP/1.1\r\nHost: h\r\n${framing}`)
    await node.received(before + 1)
    client.socket.destroy()
    await node.idle()
    await front.failed(before + 1)
    assert.equal((front.failures[before] as UpstreamFailure).kind, 'aborted', framing)
    assert.deepEqual([peer.inFlight, peer.failures], [0, 0], framing)
  }
})

test('a call that is cancelled while it waits for a connection ends at once, and is never sent', async t => {
  const { node, peer } = await startDispatchFront(t, () => {}, { connection: { maxConnections: 1 } })
  const first = callTo(peer)
  const busy = failureOf(dispatch(testRequest({ target: '/first' }), first))
  await node.received(1)
  const waiting = callTo(peer)
  const given = failureOf(dispatch(testRequest({ target: '/second' }), waiting))
  assert.equal(peer.inFlight, 2)
  waiting.end(new UpstreamFailure('timeout'))
  assert.equal((await given).kind, 'timeout')
  assert.equal(peer.inFlight, 1)
  first.end(new UpstreamFailure('aborted'))
  assert.equal((await busy).kind, 'aborted')
  assert.equal(peer.inFlight, 0)
  // The connection is free for the next call. The cancelled one is not sent before it.
  const next = callTo(peer)
  const last = failureOf(dispatch(testRequest({ target: '/third' }), next))
  await node.received(2)
  assert.equal(node.requests[1]!.target, '/third')
  next.end(new UpstreamFailure('aborted'))
  await last
})

test('a deadline that passes before the node answers ends the try as a timeout, which counts', async t => {
  const { node, peer } = await startDispatchFront(t, () => {})
  const call = callTo(peer)
  const failure = failureOf(dispatch(testRequest(), call))
  await node.received(1)
  call.end(new UpstreamFailure('timeout'))
  assert.equal((await failure).kind, 'timeout')
  assert.deepEqual([peer.inFlight, peer.failures], [0, 1])
  assert.equal(call.current, undefined)
  await node.idle()
})

test('an answer that is discarded closes its connection', async t => {
  const { node, peer } = await startDispatchFront(t, socket =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
  )
  const response = await dispatch(testRequest(), callTo(peer))
  response.discard()
  response.discard()
  await node.idle()
  assert.equal(peer.inFlight, 0)
})

test('a node on which nothing listens is unreachable, and has not seen the request', async t => {
  const peer = realPeer(t, await deadPort())
  const failure = await failureOf(dispatch(testRequest(), callTo(peer)))
  assert.equal(failure.kind, 'connect')
  assert.deepEqual([peer.inFlight, peer.failures], [0, 1])
})

test('a peer whose node is gone finishes its requests, and accepts no new ones', async t => {
  const { node, peer } = await startDispatchFront(t, () => {})
  const answered = dispatch(testRequest(), callTo(peer))
  await node.received(1)
  peer.dispose()
  const refused = await failureOf(dispatch(testRequest(), callTo(peer)))
  assert.equal(refused.kind, 'connect')
  const [socket] = node.open
  socket!.write(answer('late'))
  assert.equal((await answered).status, 200)
  await node.idle()
})

/** One connection, so that the second request uses that of the first. */
const ONE_CONNECTION = { connection: { maxConnections: 1 } }

test('a reused connection that the node has closed fails as stale, and a fresh one does not', async t => {
  const { node, peer } = await startDispatchFront(
    t,
    (socket, _request, index) => {
      if (index === 0) socket.write(answer('ok'))
      else socket.resetAndDestroy()
    },
    ONE_CONNECTION,
  )
  const response = await dispatch(testRequest(), callTo(peer))
  assert.equal(response.status, 200)
  const stale = await failureOf(dispatch(testRequest(), callTo(peer)))
  assert.deepEqual([stale.kind, stale.staleConnection, node.connections], ['reset', true, 1])
  const fresh = await failureOf(dispatch(testRequest(), callTo(peer)))
  assert.deepEqual([fresh.kind, fresh.staleConnection, node.connections], ['reset', false, 2])
})

test('a reused connection that ends gracefully as it is used counts as stale too', async t => {
  const { peer } = await startDispatchFront(
    t,
    (socket, _request, index) => {
      if (index === 0) socket.write(answer('ok'))
      else socket.end()
    },
    ONE_CONNECTION,
  )
  await dispatch(testRequest(), callTo(peer))
  const stale = await failureOf(dispatch(testRequest(), callTo(peer)))
  assert.deepEqual([stale.kind, stale.staleConnection], ['reset', true])
})

test('a request that cannot be written does not count against the node', async t => {
  const { peer, node } = await startDispatchFront(t, socket => socket.write(answer()))
  for (const values of [
    { method: 'GE T' },
    { target: '/a b' },
    { headers: ['bad name', 'x'] },
    { headers: ['x', 'a\r\nb: c'] },
  ]) {
    const failure = await failureOf(dispatch(testRequest(values), callTo(peer)))
    assert.equal(failure.kind, 'unsendable', JSON.stringify(values))
  }
  assert.deepEqual([peer.inFlight, peer.failures, node.requests.length], [0, 0, 0])
})

test('an answer is cut off when its body pauses for too long', async t => {
  const { front, node } = await startDispatchFront(
    t,
    socket => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
    {
      connection: { bodyIdleTimeoutMs: 50 },
    },
  )
  await assert.rejects(send(front.port))
  await node.idle()
})

test('each route may set how long a body may pause, also on a shared connection', async t => {
  const node = await startNode(t, (socket, request) => {
    socket.write(
      request.target === '/whole' ? answer('whole') : 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
    )
  })
  const peer = realPeer(t, node.port, { connection: { bodyIdleTimeoutMs: 600_000 } })
  const upstream: Upstream = (request, call) => {
    call.peer = peer
    return dispatch(request, call)
  }
  const patient = await startFront(t, upstream)
  const impatient = await startFront(t, upstream, { bodyIdleTimeoutMs: 50 })
  assert.equal((await send(patient.port, { path: '/whole' })).text, 'whole')
  await assert.rejects(send(impatient.port))
  await node.idle()
  assert.equal(node.connections, 1)
})

test('bodies reach the node byte for byte, in the framing that the client chose', async t => {
  const { node, front } = await startDispatchFront(t, async (socket, request) => {
    await request.whole
    socket.write(answer('stored'))
  })
  const body = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 256))
  const plain = await send(front.port, {
    method: 'POST',
    body,
    headers: { 'Content-Length': String(body.length) },
  })
  const chunked = await send(front.port, { method: 'PUT', body, headers: { 'Transfer-Encoding': 'chunked' } })
  assert.deepEqual([plain.text, chunked.text], ['stored', 'stored'])
  for (const request of node.requests) assert.ok(body.equals(await request.whole), request.method)
  assert.equal(node.requests[0]!.header('content-length'), '300000')
  assert.equal(node.requests[0]!.header('transfer-encoding'), undefined)
  assert.equal(node.requests[1]!.header('transfer-encoding'), 'chunked')
  assert.equal(node.requests[1]!.header('content-length'), undefined)
})

test('the answer of a node that has not read the whole body is passed on', async t => {
  const { front, peer } = await startDispatchFront(t, socket =>
    socket.write(answer('too much', ['Connection: close'], '413 Too Large')),
  )
  const client = await openRaw(
    front.port,
    'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nbegin',
  )
  assert.match(await client.until('too much'), /^HTTP\/1.1 413 /)
  client.socket.destroy()
  const [response] = front.responses
  if (!response!.closed) await once(response!, 'close')
  assert.equal(peer.inFlight, 0)
})

test('a POST without a body is sent again if its connection ended before it was written', async t => {
  const { node, peer } = await startDispatchFront(t, socket => socket.write(answer('ok')))
  const ask = createRetry()((request, call) => {
    call.peer = peer
    call.attempts++
    return dispatch(request, call)
  })
  const post = () => ask(testRequest({ method: 'POST' }), callTo(peer))
  const posts = () => Promise.all([post(), post()])
  await posts()
  // Two requests of one turn, so that the next one is written at the end of its turn, in which the node leaves.
  await posts()
  await new Promise(resolve => setImmediate(resolve))
  for (const socket of node.open) socket.resetAndDestroy()
  const { status } = await post()
  assert.deepEqual([status, node.requests.length], [200, 5])
})
