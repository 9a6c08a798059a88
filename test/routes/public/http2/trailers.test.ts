import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../../support/gateway.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { answer, type Script, startNode } from '../../../support/node-server.ts'

const OK = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n'

async function setUp(t: TestContext, script: Script, more: GatewaySetUp = {}) {
  const node = await startNode(t, script)
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port }, ...more })
  return { node, session: openHttp2(t, port) }
}

test('the trailers of an answer reach the client, announced or not, and whether or not it says TE', async t => {
  let bytes = ''
  const { session } = await setUp(t, socket => socket.write(bytes))
  for (const [text, body, trailers, te] of [
    [
      `${OK}Trailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n`,
      'ok',
      { 'x-sum': '1', 'x-more': '2' },
    ],
    [`${OK}\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n`, 'ok', { 'x-sum': '1' }, 'trailers'],
    [`${OK}\r\n0\r\nX-Sum: 1\r\n\r\n`, '', { 'x-sum': '1' }],
    [`${OK}\r\n2\r\nok\r\n0\r\n\r\n`, 'ok', undefined],
    // Fields that must not be trailers are dropped, and those that HTTP/2 does not have.
    [
      `${OK}Connection: x-hop\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=1\r\nX-Hop: 1\r\nTE: a\r\nX-Sum: 1\r\n\r\n`,
      'ok',
      { 'x-sum': '1' },
    ],
    [`${OK}\r\n2\r\nok\r\n0\r\nSet-Cookie: a=1\r\n\r\n`, 'ok', undefined],
  ] as const) {
    bytes = text
    const got = await askHttp2(session, { ':path': '/user', ...(te && { te }) })
    assert.deepEqual([got.status, got.text, got.code], [200, body, 0], text)
    assert.deepEqual(got.trailers, trailers, text)
  }
  bytes = `${OK}Trailer: X-Sum\r\n\r\n`
  const head = await askHttp2(session, { ':path': '/user', ':method': 'HEAD' })
  assert.deepEqual(
    [head.status, head.trailers, head.headers.trailer, head.code],
    [200, undefined, undefined, 0],
  )
})

test('the trailers of a request reach the node as far as they may', async t => {
  const { session, node } = await setUp(t, async (socket, { whole }) => {
    await whole
    socket.write(answer())
  })
  const stream = session.request(
    { ':path': '/user', ':method': 'POST', trailer: 'x-sum, x-user-id' },
    { endStream: false, waitForTrailers: true },
  )
  stream.on('wantTrailers', () =>
    stream.sendTrailers({ 'x-sum': '1', 'x-user-id': 'root', 'content-type': 'a/b' }),
  )
  stream.end('body')
  const [headers] = await once(stream, 'response')
  assert.equal(headers[':status'], 200)
  const [request] = node.requests
  assert.equal(request!.header('transfer-encoding'), 'chunked')
  assert.equal(request!.header('trailer'), 'x-sum')
  assert.equal((await request!.whole).toString(), 'body')
  assert.deepEqual(request!.trailers(), ['x-sum', '1'])
  stream.resume()
  await once(stream, 'close')
})

test('a policy hides fields of interim answers and trailers, as it does over HTTP/1', async t => {
  const { session } = await setUp(
    t,
    socket => socket.write(`${OK}\r\n2\r\nok\r\n0\r\nX-Secret: 1\r\nX-Sum: 1\r\n\r\n`),
    { routes: { r: { path: '/user', service: 'user', responseHeaders: { remove: ['x-secret'] } } } },
  )
  const { trailers } = await askHttp2(session, { ':path': '/user' })
  assert.deepEqual(trailers, { 'x-sum': '1' })
})
