import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FRAME } from '../../../../internal/http2/frames.ts'
import { startTestGateway } from '../../../support/gateway.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { headersFrame, openRawHttp2, requestLines, SETTINGS_ACK } from '../../../support/raw-http2.ts'

const DATE = 'Date: Sun, 06 Nov 1994 08:49:37 GMT'

/** Starts a node whose answers have the field and the value that the path names, and asks it over one connection. */
async function setUp(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t, (socket, { target }) => {
    const [, name, value] = target.split('/')
    socket.write(answer('', [DATE, `${name}: ${value}`]))
  })
  const { port } = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const client = await openRawHttp2(port)
  t.after(() => client.socket.destroy())
  client.write(SETTINGS_ACK)
  let id = -1
  /** Resolves with the header block of the answer. */
  return async (name: string, value: string) => {
    id += 2
    const of = id
    client.write(
      headersFrame(of, requestLines(['x-request-id', 'one-for-all'], 'GET', `/user/${name}/${value}`)),
    )
    const found = await client.until(({ frames }) =>
      frames.find(({ type, streamId }) => type === FRAME.headers && streamId === of),
    )
    return found.payload
  }
}

test('the length of an answer does not tell whether another user got the same value', async t => {
  const ask = await setUp(t)
  const names = ['x-csrf-token', 'set-cookie', 'authorization', 'location', 'etag', 'content-security-policy']
  for (const name of [...names, 'x-user', 'access-control-allow-origin', 'www-authenticate', 'expires']) {
    const secret = 'k=0123456789abcdef'
    for (let i = 0; i < 3; i++) await ask(name, secret)
    const wrong = await ask(name, 'k=0123456789abcdeX')
    const right = await ask(name, secret)
    assert.equal(right.length, wrong.length, name)
  }
})

test('what all answers share is sent in short, and credentials are marked for every hop', async t => {
  const ask = await setUp(t)
  for (const name of ['server', 'cache-control', 'grpc-status']) {
    const first = await ask(name, 'value')
    await ask(name, 'value')
    assert.ok((await ask(name, 'value')).length < first.length, name)
  }
  // 0001 is the pattern of a field that no hop may index; set-cookie is 55 in the static table: 15 and 40 more.
  for (let i = 0; i < 3; i++) assert.ok((await ask('set-cookie', 'a')).includes('\x1f\x28\x01a', 0, 'latin1'))
})
