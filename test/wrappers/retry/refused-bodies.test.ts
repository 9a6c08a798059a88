import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { GatewaySetUp } from '../../support/gateway.ts'
import { startTestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { goawayFrame, listenRawHttp2, type RawHttp2, settingsFrame } from '../../support/raw-http2.ts'
import { until } from '../../support/until.ts'
import { answerFrames, requestFor } from '../http2/raw-node.ts'

const BODY = 'x'.repeat(1_000)

const bodyOf = ({ frames }: RawHttp2) =>
  frames
    .filter(({ type }) => type === 0)
    .map(({ payload }) => payload.toString())
    .join('')

/** Starts a service with one node of h2c, whose first connection refuses what was sent on it once it has the whole body. */
async function setUp(t: TestContext, routes: GatewaySetUp['routes'] = {}) {
  const node = await listenRawHttp2(connection => connection.write(settingsFrame()))
  t.after(() => node[Symbol.asyncDispose]())
  const gateway = await startTestGateway(t, { routes })
  await gateway.registry.register({
    ...{ service: 'user', id: 'u1', host: '127.0.0.1', port: node.port },
    protocol: 'h2c',
  })
  await until('the table has the node', () => gateway.gateway.nodeCount() === 1)
  const refuse = async (target: string) => {
    const first = await until('it is connected', () => node.connections[0])
    await requestFor(first, target)
    await first.until(connection => bodyOf(connection) === BODY)
    first.write(goawayFrame(0))
  }
  return { node, refuse, ...gateway }
}

for (const [how, headers] of [
  ['of a declared length', { 'content-length': String(BODY.length) }],
  ['in chunks', { 'transfer-encoding': 'chunked' }],
] as const) {
  test(`a POST ${how} that a node refuses after it was sent is sent again, with all of its body`, async t => {
    const { node, refuse, port } = await setUp(t)
    const asked = send(port, { method: 'POST', path: '/user/x', headers, body: BODY })
    await refuse('/x')
    const second = await until('another connection is made', () => node.connections[1])
    const id = await requestFor(second, '/x')
    await second.until(connection => bodyOf(connection) === BODY)
    second.write(answerFrames(id, 'done'))
    const { status, text } = await asked
    assert.deepEqual([status, text], [200, 'done'])
    assert.equal(node.connections.length, 2)
  })
}

test('a POST whose body is too long to be kept is not sent again', async t => {
  const { node, refuse, port } = await setUp(t, {
    user: { path: '/user/*', service: 'user', retryBufferBytes: BODY.length - 1 },
  })
  const asked = send(port, { method: 'POST', path: '/user/x', body: BODY })
  await refuse('/user/x')
  assert.equal((await asked).status, 502)
  assert.equal(node.connections.length, 1)
})
