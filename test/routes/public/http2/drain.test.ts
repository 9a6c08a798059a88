import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { type GatewaySetUp, startTestGateway } from '../../../support/gateway.ts'
import { askHttp2, openHttp2 } from '../../../support/http2-client.ts'
import { answer, startNode } from '../../../support/node-server.ts'
import { headersFrame, openRawHttp2, pingFrame, requestLines } from '../../../support/raw-http2.ts'
import { until } from '../../../support/until.ts'

const GET = requestLines([], 'GET', '/user/x')
const SLOW = requestLines([], 'GET', '/user/slow')
const HIGHEST = 2 ** 31 - 1

/** Starts a gateway that has time to stop, and a node that answers `/slow` when told to. */
async function setUp(t: TestContext, config: GatewaySetUp['config'] = {}) {
  const waiting: (() => void)[] = []
  const node = await startNode(t, (socket, { target }) => {
    if (target === '/slow') waiting.push(() => socket.write(answer('slow')))
    else socket.write(answer('fast'))
  })
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    config: { drainMs: 0, shutdownTimeoutMs: 10_000, ...config },
  })
  const answerSlow = () => {
    for (const each of waiting.splice(0)) each()
  }
  return { ...gateway, node, answerSlow }
}

test('a gateway that stops lets clients know in two steps, and answers what was sent before they knew', async t => {
  const { port, gateway, node, answerSlow } = await setUp(t)
  using client = await openRawHttp2(port)
  client.write(headersFrame(1, SLOW))
  await node.received(1)
  const stopped = gateway.stop()
  await client.receives(`GOAWAY last ${HIGHEST} NO_ERROR`)
  await client.receives('PING')
  // It was on its way before the client knew.
  client.write(headersFrame(3, GET), pingFrame('waygate ', true))
  await client.receives('GOAWAY last 3 NO_ERROR')
  assert.equal((await client.receives('DATA 3')).payload.toString(), 'fast')
  client.write(headersFrame(5, GET))
  answerSlow()
  assert.equal((await client.receives('DATA 1')).payload.toString(), 'slow')
  await client.closed
  assert.equal(await stopped, 0)
  assert.ok(!client.described.some(line => line.startsWith('HEADERS 5')))
  assert.equal(node.requests.length, 2)
})

test('a client that does not answer the PING is not waited for', async t => {
  const { port, gateway } = await setUp(t)
  using client = await openRawHttp2(port)
  await client.receives('SETTINGS ACK')
  const stopped = gateway.stop()
  await client.receives('GOAWAY last 0 NO_ERROR')
  assert.equal(await stopped, 0)
  await client.closed
})

test('while a gateway drains, new clients are served and then asked to leave', async t => {
  const { port, gateway } = await setUp(t, { drainMs: 500 })
  const stopped = gateway.stop()
  using client = await openRawHttp2(port)
  client.write(headersFrame(1, GET))
  assert.equal((await client.receives('DATA 1')).payload.toString(), 'fast')
  await client.receives(`GOAWAY last ${HIGHEST} NO_ERROR`)
  client.socket.destroy()
  assert.equal(await stopped, 0)
})

test('no request of busy clients is lost when a gateway stops', async t => {
  const { port, gateway } = await setUp(t, { drainMs: 100 })
  const statuses: (number | undefined)[] = []
  const clients = Array.from({ length: 5 }, async () => {
    const session = openHttp2(t, port)
    let isLeaving = false
    session.on('goaway', () => {
      isLeaving = true
    })
    const stream = async () => {
      while (!isLeaving && !session.closed) {
        const { status } = await askHttp2(session, { ':path': '/user/x' })
        statuses.push(status)
      }
    }
    await Promise.all(Array.from({ length: 8 }, stream))
  })
  await until('all are busy', () => statuses.length > 200)
  assert.equal(await gateway.stop(), 0)
  await Promise.all(clients)
  assert.deepEqual(
    statuses.filter(status => status !== 200),
    [],
  )
})

test('requests that take longer than the gateway waits are cut off, and never look whole', async t => {
  const { port, gateway, node } = await setUp(t, { shutdownTimeoutMs: 100 })
  const session = openHttp2(t, port)
  const slow = askHttp2(session, { ':path': '/user/slow' })
  await node.received(1)
  assert.equal(await gateway.stop(), 1)
  assert.equal((await slow).status, undefined)
})

test('a connection ends after clientLimits.requestsPerConnection, without an error', async t => {
  const { port } = await setUp(t, { clientLimits: { requestsPerConnection: 3 } })
  const session = openHttp2(t, port)
  const answers = await Promise.all([1, 2, 3].map(() => askHttp2(session, { ':path': '/user/x' })))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  await once(session, 'close')
  using client = await openRawHttp2(port)
  // All in one packet: what is sent before the client knows is served.
  client.write(...[1, 3, 5, 7, 9].map(id => headersFrame(id, GET)))
  await client.receives('HEADERS 9')
  await client.receives(`GOAWAY last ${HIGHEST} NO_ERROR`)
})

test('a connection without requests ends after clientLimits.keepAliveTimeoutMs, and a busy one does not', async t => {
  // Connections are looked at four times in sendIdleTimeoutMs.
  const clientLimits = { keepAliveTimeoutMs: 100, sendIdleTimeoutMs: 400 }
  const { port, node, answerSlow } = await setUp(t, { clientLimits })
  const [idle, busy] = [openHttp2(t, port), openHttp2(t, port)]
  const slow = askHttp2(busy, { ':path': '/user/slow' })
  await node.received(1)
  await once(idle, 'close')
  answerSlow()
  assert.equal((await slow).text, 'slow')
  await once(busy, 'close')
})
