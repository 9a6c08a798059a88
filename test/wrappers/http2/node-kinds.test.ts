import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp1Server } from 'node:http'
import { createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ERROR } from '../../../internal/http2/frames.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { respondWith, startHttp2Node } from '../../support/http2-node.ts'
import {
  dataFrame,
  goawayFrame,
  headersFrame,
  type RawHttp2,
  rawFrame,
  rstStreamFrame,
  windowUpdateFrame,
} from '../../support/raw-http2.ts'
import { readAnswer } from '../../support/test-response.ts'
import { until } from '../../support/until.ts'
import { answerFrames, requestFor, startRawNode } from './raw-node.ts'
import { startSessionScene } from './session-scene.ts'

async function listen(t: TestContext, server: ReturnType<typeof createServer>): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  return (server.address() as { port: number }).port
}

/** Sends one request to a node that answers it with these frames. Returns how it ended. */
async function answeredWith(
  t: TestContext,
  frames: (id: number, connection: RawHttp2) => Buffer,
  values: Parameters<ReturnType<typeof startSessionScene>['send']>[0] = {},
) {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const call = send(values)
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/')
  connection.write(frames(id, connection))
  const answer = await call.answer.catch((error: UpstreamFailure) => error)
  return { node, connection, id, send, answer }
}

const WRONG: Readonly<Record<string, (id: number) => Buffer>> = {
  'a head without a status': id => headersFrame(id, ['a', 'b']),
  'a head with two statuses': id => headersFrame(id, [':status', '200', ':status', '200']),
  'a status of two digits': id => headersFrame(id, [':status', '20']),
  'the status 101': id => headersFrame(id, [':status', '101']),
  'a name in upper case': id => headersFrame(id, [':status', '200', 'Server', 'x']),
  'a field of HTTP/1 connections': id => headersFrame(id, [':status', '200', 'connection', 'close']),
  'transfer-encoding': id => headersFrame(id, [':status', '200', 'transfer-encoding', 'chunked']),
  'a line break in a value': id => headersFrame(id, [':status', '200', 'a', 'b\r\nc: d']),
  'two lengths': id => headersFrame(id, [':status', '200', 'content-length', '0', 'content-length', '0']),
  'a body in front of a head': id => dataFrame(id, 'x', { isEnd: true }),
  'a length without a body': id => headersFrame(id, [':status', '200', 'content-length', '5']),
  'a head that is too large': id =>
    headersFrame(id, [':status', '200', 'a', 'x'.repeat(16_000), 'b', 'x'.repeat(300)]),
  'an interim answer alone': id => headersFrame(id, [':status', '103']),
  'too many interim answers': id =>
    Buffer.concat(new Array(33).fill(headersFrame(id, [':status', '103'], { isEnd: false }))),
}

for (const [what, frames] of Object.entries(WRONG)) {
  test(`${what} is an invalid answer, and costs no other call`, async t => {
    const { node, connection, id, send, answer } = await answeredWith(t, frames)
    assert.ok(answer instanceof UpstreamFailure)
    assert.equal(answer.kind, 'invalid')
    await connection.receives(`RST_STREAM ${id} `)
    const next = send({ target: '/next' })
    connection.write(answerFrames(await requestFor(connection, '/next'), 'next'))
    assert.equal(await next.text, 'next')
    assert.equal(node.connections.length, 1)
  })
}

for (const [what, frames] of Object.entries({
  'a promise of a push': (id: number) => rawFrame(5, 4, id, Buffer.from([0, 0, 0, 2])),
  'a window of nothing': () => windowUpdateFrame(0, 0),
  'a frame for a stream that nobody opened': () => dataFrame(99, 'x'),
})) {
  test(`${what} ends the connection, and its calls are invalid`, async t => {
    const { connection, answer } = await answeredWith(t, frames)
    assert.ok(answer instanceof UpstreamFailure)
    assert.equal(answer.kind, 'invalid')
    await connection.receives('GOAWAY')
    await connection.closed
  })
}

test('a body that is not as long as its length says is never whole', async t => {
  for (const length of ['4', '6']) {
    const { answer } = await answeredWith(t, id => answerFrames(id, 'hello', ['content-length', length]))
    assert.ok(!(answer instanceof UpstreamFailure))
    assert.ok((await readAnswer(answer)).isAborted)
  }
})

test('trailers that are not allowed break the answer off', async t => {
  const { answer } = await answeredWith(t, id =>
    Buffer.concat([
      headersFrame(id, [':status', '200'], { isEnd: false }),
      headersFrame(id, ['connection', 'close']),
    ]),
  )
  assert.ok(!(answer instanceof UpstreamFailure))
  assert.ok((await readAnswer(answer)).isAborted)
})

const RESETS: Readonly<Record<string, [code: number, kind: string]>> = {
  REFUSED_STREAM: [ERROR.refusedStream, 'refused'],
  CANCEL: [ERROR.cancel, 'reset'],
  ENHANCE_YOUR_CALM: [ERROR.enhanceYourCalm, 'reset'],
  NO_ERROR: [ERROR.noError, 'reset'],
  INTERNAL_ERROR: [ERROR.internalError, 'reset'],
  HTTP_1_1_REQUIRED: [ERROR.http11Required, 'invalid'],
}
for (const [name, [code, kind]] of Object.entries(RESETS)) {
  test(`RST_STREAM ${name} before a head is a failure of the kind ${kind}`, async t => {
    const { answer } = await answeredWith(t, id => rstStreamFrame(id, code))
    assert.ok(answer instanceof UpstreamFailure)
    assert.equal(answer.kind, kind)
    if (kind === 'reset') assert.equal((answer.cause as { code: number }).code, code)
  })
}

test('a node that speaks HTTP/1.1 says so in its answer to the first request', async t => {
  const port = await listen(
    t,
    createHttp1Server((_request, response) => response.end('hello')),
  )
  const { peer, send } = startSessionScene(t, port)
  await assert.rejects(send().answer, (error: UpstreamFailure) => {
    assert.equal(error.kind, 'invalid')
    assert.match(String(error.cause), /speaks HTTP\/1\.1: register it without protocol/)
    return true
  })
  assert.match(peer.problem!.reason, /speaks HTTP\/1\.1/)
})

test('a node that speaks HTTP/2 says so in its answer to a request of HTTP/1.1', async t => {
  const node = await startHttp2Node(t, respondWith('hello'))
  const reasons: string[] = []
  const { peer, send } = startSessionScene(t, node.port, { protocol: 'http' })
  await assert.rejects(send().answer, (error: UpstreamFailure) => {
    reasons.push(error.kind, String(error.cause))
    return true
  })
  assert.equal(reasons[0], 'invalid')
  assert.match(reasons[1]!, /speaks HTTP\/2: register it with protocol grpc or h2c/)
  assert.match(peer.problem!.reason, /speaks HTTP\/2/)
})

test('a node that speaks neither is no more than a failed connection', async t => {
  const port = await listen(
    t,
    createServer(socket => {
      socket.on('error', () => {})
      socket.on('data', () => socket.end('-ERR unknown command\r\n'))
    }),
  )
  const { peer, send } = startSessionScene(t, port)
  assert.equal(await send().result, 'invalid')
  assert.equal(peer.problem, undefined)
})

test('a node that ends the connection with an error before it answers fails its calls as reset', async t => {
  const { answer } = await answeredWith(t, (id, connection) => {
    connection.socket.end(goawayFrame(id, ERROR.internalError))
    return Buffer.alloc(0)
  })
  assert.ok(answer instanceof UpstreamFailure)
  assert.equal(answer.kind, 'reset')
})

test('a node that hangs is asked for a sign of life once, and its calls count as unanswered without one', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const [late, other, post] = [send(), send({ target: '/other' }), send({ target: '/post', method: 'POST' })]
  const connection = await until('it is connected', () => node.connections[0])
  await requestFor(connection, '/post')
  late.call.end(new UpstreamFailure('timeout'))
  other.call.end(new UpstreamFailure('timeout'))
  await connection.receives('PING')
  assert.equal(await post.result, 'timeout')
  await connection.closed
  assert.equal(connection.described.filter(line => line === 'PING').length, 1)
})

test('a node that gives a sign of life keeps its calls', async t => {
  const node = await startRawNode(t)
  const { send } = startSessionScene(t, node.port)
  const [late, slow] = [send(), send({ target: '/slow' })]
  const connection = await until('it is connected', () => node.connections[0])
  const id = await requestFor(connection, '/slow')
  late.call.end(new UpstreamFailure('timeout'))
  const { payload } = await connection.receives('PING')
  connection.write(rawFrame(6, 1, 0, payload))
  // One that is asked later and gives none has had its time.
  const silent = await startRawNode(t)
  const lost = startSessionScene(t, silent.port).send()
  const other = await until('it is connected', () => silent.connections[0])
  await requestFor(other, '/')
  lost.call.end(new UpstreamFailure('timeout'))
  await other.closed
  connection.write(answerFrames(id, 'slow'))
  assert.equal(await slow.text, 'slow')
})
