import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Call } from '../../internal/call.ts'
import type { Exchange } from '../../internal/policy.ts'
import { createSplit } from '../../middleware/policies/split.ts'
import { createOutgoing } from '../../routes/public/outgoing-request.ts'
import { createReadRpc } from '../../routes/public/read-rpc.ts'
import { startTestGateway } from '../support/gateway.ts'
import { ECHO } from '../support/grpc-echo.ts'
import { startGrpcNode } from '../support/grpc-node.ts'
import { registerNaming } from '../support/naming.ts'
import { answer, startNode } from '../support/node-server.ts'
import { type Door, rawCall } from '../support/raw-call.ts'
import { testRoute } from '../support/route.ts'
import { until } from '../support/until.ts'

const PATH = `/${ECHO}/Unary`
/** Of gRPC-web. The node of gRPC answers with a message that has something in it. */
const EMPTY_MESSAGE = '\0\0\0\0\0'
const WEB = 'application/grpc-web+proto'

/** A gateway whose route is split between a service of gRPC and one of HTTP, which speaks gRPC-web itself. */
async function setUp(t: TestContext, own: 'calls' | 'plain') {
  const grpc = await startGrpcNode('g1', { reflection: true })
  t.after(() => grpc.close())
  const plain = await startNode(t, async (socket, request) => {
    await request.whole.catch(() => {})
    socket.write(answer(EMPTY_MESSAGE, [`content-type: ${WEB}`]))
  })
  const other = own === 'calls' ? 'plain' : 'calls'
  const variants = [{ name: 'new', service: other, match: { headers: { 'x-new': '1' } } }]
  const gateway = await startTestGateway(t, {
    config: { accessLog: true },
    nodes: { 'plain/p1': plain.port },
    routes: {
      r: { path: `/${ECHO}/*`, service: own, auth: 'none', split: { variants, onUnavailable: 'error' } },
    },
  })
  await registerNaming(gateway.registry, 'calls', grpc.port)
  await until('the table has both nodes', () => gateway.gateway.nodeCount() === 2)
  const ask = async (door: Door, service: string) => {
    const id = `${door.replaceAll(/[ /]/g, '-')}-${service}`
    const headers = { 'x-request-id': id, ...(service === other && { 'x-new': '1' }) }
    const got = await rawCall(gateway.port, door, { path: PATH, headers })
    const line = await gateway.logged(id)
    return { got, line, id }
  }
  return { ...gateway, grpc, plain, ask }
}

for (const own of ['calls', 'plain'] as const) {
  test(`gRPC-web reaches the variants of a split as each speaks it: the service of the document has ${own}`, async t => {
    const { ask, grpc, plain } = await setUp(t, own)
    for (const door of ['web over HTTP/1', 'web over HTTP/2'] as const) {
      const call = await ask(door, 'calls')
      assert.deepEqual([call.got.httpStatus, call.got.grpcStatus], [200, 0], door)
      assert.equal(call.line.rpc, PATH.slice(1))
      assert.deepEqual(grpc.calls.at(-1)!.metadata.get('x-request-id'), [call.id])
      const passed = await ask(door, 'plain')
      assert.equal(passed.got.body.toString(), EMPTY_MESSAGE, door)
      assert.equal(passed.line.rpc, undefined)
      assert.equal(plain.requests.at(-1)!.header('content-type'), WEB)
    }
    assert.deepEqual([grpc.calls.length, plain.requests.length], [2, 2])
  })
}

test('JSON becomes a call for the variant whose nodes speak gRPC alone, and stays JSON for the other', async t => {
  const { ask, grpc, plain } = await setUp(t, 'plain')
  await until(
    'the schema is known',
    async () => (await ask('json over HTTP/1', 'calls')).got.httpStatus === 200,
  )
  const calls = grpc.calls.length
  const passed = await ask('json over HTTP/1', 'plain')
  assert.deepEqual([passed.got.httpStatus, passed.got.body.toString()], [200, EMPTY_MESSAGE])
  assert.equal(plain.requests.at(-1)!.header('content-type'), 'application/json')
  assert.equal(grpc.calls.length, calls)
})

test('what is known of a method is that of the variant: whether it may be repeated, and whether it streams', () => {
  const traits = { streamsRequest: false, streamsAnswer: false }
  const readRpc = createReadRpc({
    findMethod: service => ({ ...traits, isIdempotent: service === 'v2', streamsAnswer: service === 'v2' }),
    speaksHttpAlone: () => false,
  })
  const split = createSplit(
    { variants: [{ name: 'v2', service: 'v2', match: { headers: { 'x-new': '1' } } }] },
    { hasUsableNode: () => true, diverted: () => {} },
  )
  const rpcOf = (headers: readonly string[]) => {
    const call = new Call('id', 'POST', PATH, 0)
    call.route = testRoute({ service: 'v1', path: '/*' })
    const exchange = { call, dialect: 'grpc', head: { headers }, response: {} } as unknown as Exchange
    exchange.outgoing = createOutgoing(exchange, readRpc)
    split.onAuthorized!(exchange)
    const { rpc, dialect, service } = exchange.outgoing
    return { service, dialect, isIdempotent: rpc?.isIdempotent, isStreaming: rpc?.isStreaming }
  }
  assert.deepEqual(rpcOf(['x-new', '1']), {
    service: 'v2',
    dialect: 'grpc',
    isIdempotent: true,
    isStreaming: true,
  })
  assert.deepEqual(rpcOf([]), { service: 'v1', dialect: 'grpc', isIdempotent: false, isStreaming: false })
})
