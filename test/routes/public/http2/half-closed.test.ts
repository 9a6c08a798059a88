import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { type TestContext, test } from 'node:test'
import { startTestGateway } from '../../../support/gateway.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import {
  dataFrame,
  headersFrame,
  PREFACE,
  RawHttp2,
  requestLines,
  SETTINGS_ACK,
  settingsFrame,
} from '../../../support/raw-http2.ts'
import { until } from '../../../support/until.ts'

const INITIAL_WINDOW = 4

/** Starts a gateway and a node that answers `/now` at once, and anything else when `release` is called. */
async function setUp(t: TestContext) {
  const held: Socket[] = []
  const node = await startNode(t, (socket, { target }) => {
    if (target === '/now') socket.write(answer('now'))
    else held.push(socket)
  })
  const gateway = await startTestGateway(t, { nodes: { 'user/u1': node.port } })
  const release = () => {
    for (const socket of held.splice(0)) socket.write(answer('later'))
  }
  /** Sends frames behind a preface, on a connection that the client may half-close. */
  const open = (settings: readonly number[], ...frames: Buffer[]) => {
    const socket = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true })
    t.after(() => socket.destroy())
    const client = new RawHttp2(socket, false)
    client.write(PREFACE, settingsFrame(settings), SETTINGS_ACK, ...frames)
    return client
  }
  const text = (client: RawHttp2, id: number) =>
    client.frames
      .filter(({ type, streamId }) => type === 0 && streamId === id)
      .map(({ payload }) => payload.toString())
      .join('')
  return { node, release, open, text, ...gateway }
}

const get = (id: number, path: string) =>
  headersFrame(id, requestLines(['x-request-id', `get-${id}`], 'GET', `/user${path}`))

test('a client that ends its side is answered what it has asked for, and then the connection ends', async t => {
  const { node, release, open, text } = await setUp(t)
  const client = open([], get(1, '/now'), get(3, '/later'), get(5, '/later'))
  client.socket.end()
  await node.received(3)
  await client.receives('GOAWAY last 5 NO_ERROR')
  release()
  await client.closed
  assert.deepEqual(
    [1, 3, 5].map(id => text(client, id)),
    ['now', 'later', 'later'],
  )
})

test('a request whose body will never be whole is given up, and the others are answered', async t => {
  const { node, release, open, text, logged } = await setUp(t)
  const post = ['content-length', '10', 'x-request-id', 'half']
  const client = open(
    [],
    get(1, '/later'),
    headersFrame(3, requestLines(post, 'POST', '/user/later'), { isEnd: false }),
    dataFrame(3, 'half'),
  )
  await node.received(2)
  client.socket.end()
  assert.equal((await logged('half')).status, 499)
  release()
  await client.closed
  assert.equal(text(client, 1), 'later')
  assert.ok(client.described.includes('RST_STREAM 3 CANCEL'))
})

test('an answer that waits for a window is given up, since the client can open none', async t => {
  const { open, logged } = await setUp(t)
  const client = open([INITIAL_WINDOW, 0], get(1, '/now'))
  client.socket.end()
  await client.closed
  assert.ok(client.described.includes('RST_STREAM 1 CANCEL'))
  await logged('get-1')
})

test('a client that closes its connection leaves no request behind', async t => {
  const { node, open, logged } = await setUp(t)
  const client = open([], get(1, '/later'))
  await node.received(1)
  await client.receives('SETTINGS ACK')
  client.socket.destroy()
  assert.equal((await logged('get-1')).status, 499)
  await until('the node is not waited for', () => node.open.size === 0)
})

test('an idle client that ends its side sees the connection end', async t => {
  const { open, text } = await setUp(t)
  const client = open([], get(1, '/now'))
  await client.receives('DATA 1')
  client.socket.end()
  await client.closed
  assert.equal(text(client, 1), 'now')
})
