import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startTestGateway } from '../../support/gateway.ts'
import { openRaw, sendRaw } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'

/** The header lines of clients that prefer HTTP/2, such as Java's HTTP client and `curl --http2`. */
const H2C =
  'Host: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n'

const REQUESTS: Readonly<Record<string, readonly [head: string, body: string]>> = {
  'without a body': [`GET /user/1 HTTP/1.1\r\n${H2C}\r\n`, ''],
  'with a body of known length': [`POST /user/1 HTTP/1.1\r\n${H2C}Content-Length: 4\r\n\r\n`, 'body'],
  'with chunks': [
    `POST /user/1 HTTP/1.1\r\n${H2C}Transfer-Encoding: chunked\r\n\r\n`,
    '4\r\nbody\r\n0\r\n\r\n',
  ],
}

/** Starts a gateway with a node that answers when it has the whole request. */
async function setUp(t: TestContext) {
  const node = await startNode(t, async (socket, request) => {
    await request.whole
    socket.write(answer())
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  return { node, port }
}

for (const [what, [head, body]] of Object.entries(REQUESTS)) {
  test(`a request ${what} that asks for an upgrade is served as plain HTTP, and is the last one`, async t => {
    const { node, port } = await setUp(t)
    // Node's parser loses the rest of the same piece, and takes the next piece for the next request.
    const client = await openRaw(port, `${head}${body}GET /user/2 HTTP/1.1\r\nHost: h\r\n\r\n`)
    client.socket.write('GET /user/3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    const text = await client.closed
    assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200'])
    assert.match(text, /\r\nconnection: close\r\n/i)
    assert.deepEqual(
      node.requests.map(request => `${request.target} ${request.body()}`),
      [`/1 ${body && 'body'}`],
    )
  })
}

test('chunks that arrive after the head that announces them are read, even if there are none', async t => {
  const { node, port } = await setUp(t)
  const client = await openRaw(port, REQUESTS['with chunks']![0])
  await node.received(1)
  client.socket.write('0\r\n\r\n')
  assert.match(await client.closed, /^HTTP\/1\.1 200 /)
})

test('a request is refused if it announces chunks and the parser sees none', async t => {
  const { node, port } = await setUp(t)
  const text = await sendRaw(
    port,
    `POST /user/1 HTTP/1.1\r\n${H2C}Transfer-Encoding: chunked\t\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
  )
  assert.match(text, /^HTTP\/1\.1 400 /)
  assert.deepEqual(node.requests, [])
})

test('a request that is refused before its chunks are checked gets its answer, and rejects no promise', async t => {
  const { port } = await setUp(t)
  const rejected: unknown[] = []
  const note = (reason: unknown) => rejected.push(reason)
  process.on('unhandledRejection', note)
  t.after(() => process.off('unhandledRejection', note))
  const text = await sendRaw(
    port,
    `POST /user/1 HTTP/1.1\r\n${H2C}Expect: nonsense\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  )
  assert.match(text, /^HTTP\/1\.1 417 /)
  // A rejection is reported once the turn is over in which nobody took it.
  await new Promise(resolve => setTimeout(resolve, 50))
  assert.deepEqual(rejected, [])
})
