import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { GatewayError } from '../../../internal/http/errors.ts'
import { send } from '../../support/http.ts'
import type { Script } from '../../support/node-server.ts'
import { ok, startScene } from './retry-scene.ts'

// The timer of deadlines does not keep the process alive. In a gateway, sockets do.
const alive = setInterval(() => {}, 1_000)
after(() => clearInterval(alive))

const silent: Script = () => {}

test('a try that takes too long is ended and counts against its node, and another node answers', async t => {
  const { ask, seen, nodes, table } = await startScene(t, { a: silent, b: ok }, { tryTimeoutMs: 30 })
  assert.equal((await ask()).text, 'ok')
  assert.deepEqual(seen(), { a: 1, b: 1 })
  await nodes.a!.idle()
  assert.deepEqual(
    table.get('user')!.peers.map(peer => [peer.failures, peer.inFlight]),
    [
      [1, 0],
      [0, 0],
    ],
  )
})

test('the timeout of a method that may not be repeated, or of the last try, reaches the client', async t => {
  const posted = await startScene(t, { a: silent, b: ok }, { tryTimeoutMs: 30 })
  assert.equal((await posted.ask('POST')).text, 'WG_UPSTREAM_TIMEOUT')
  assert.deepEqual(posted.seen(), { a: 1, b: 0 })
  const last = await startScene(t, { a: silent, b: silent }, { tryTimeoutMs: 30 })
  assert.equal((await last.ask()).text, 'WG_UPSTREAM_TIMEOUT')
  assert.deepEqual(last.seen(), { a: 1, b: 1 })
  assert.ok(last.front.failures[0] instanceof GatewayError)
})

test('tries that took too long open the breaker', async t => {
  const { ask, table } = await startScene(
    t,
    { a: silent },
    { tryTimeoutMs: 10 },
    { minimumRequests: 3, failureRatio: 0.5, openMs: 60_000 },
  )
  for (let i = 0; i < 3; i++) assert.equal((await ask()).text, 'WG_UPSTREAM_TIMEOUT')
  assert.equal(table.get('user')!.peers[0]!.breaker, 'open')
})

test('the try timeout does not cut off a body that has begun, however slow the node', async t => {
  const { ask } = await startScene(
    t,
    {
      a: socket => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n')
        setTimeout(() => socket.write('ok'), 150)
      },
    },
    { tryTimeoutMs: 50 },
  )
  assert.equal((await ask()).text, 'ok')
})

test('a request with a long body has the time that its client needs', async t => {
  const { front } = await startScene(
    t,
    { a: (socket, request) => setTimeout(() => void ok(socket, request, 0), 150) },
    { tryTimeoutMs: 50, retryBufferBytes: 6 },
  )
  for (const method of ['PUT', 'POST']) {
    const headers = { 'Transfer-Encoding': 'chunked' }
    assert.equal((await send(front.port, { method, body: 'payload', headers })).text, 'ok payload')
  }
})

test('a short body of unknown length is timed like any other, and sent to another node', async t => {
  const { front, seen } = await startScene(t, { a: silent, b: ok }, { tryTimeoutMs: 30, retryBufferBytes: 7 })
  const headers = { 'Transfer-Encoding': 'chunked' }
  assert.equal((await send(front.port, { method: 'PUT', body: 'payload', headers })).text, 'ok payload')
  assert.deepEqual(seen(), { a: 1, b: 1 })
})
