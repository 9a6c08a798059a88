import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { type HealthCheck, isCheckable } from '../../../internal/nodes/health.ts'
import { type CheckResult, checkNode } from '../../../wrappers/health/check-node.ts'
import { ECHO } from '../../support/grpc-echo.ts'
import { startGrpcNode } from '../../support/grpc-node.ts'
import { type Http2NodeRequest, startHttp2Node } from '../../support/http2-node.ts'
import { testNode } from '../../support/peer.ts'

const SERVER: HealthCheck = {
  ...{ path: undefined, grpc: '', host: undefined, statuses: undefined },
  ...{ intervalMs: 1_000, timeoutMs: 30_000, healthyAfter: 1, unhealthyAfter: 1 },
}
const PATH: HealthCheck = { ...SERVER, path: '/healthz?deep=1', grpc: undefined }

const check = (port: number, rule: HealthCheck, protocol = 'grpc') =>
  new Promise<CheckResult>(resolve => checkNode({ node: testNode({ port, protocol }), check: rule }, resolve))

test('a node is well while its health service says SERVING, of the server or of one service', async () => {
  await using node = await startGrpcNode('n')
  const verdicts = async () => {
    const results = [await check(node.port, SERVER), await check(node.port, { ...SERVER, grpc: ECHO })]
    return results.map(({ passed, reason }) => [passed, reason])
  }
  assert.deepEqual(await verdicts(), [
    [true, 'SERVING'],
    [true, 'SERVING'],
  ])
  node.setHealth(ECHO, 'NOT_SERVING')
  assert.deepEqual(await verdicts(), [
    [true, 'SERVING'],
    [false, 'NOT_SERVING'],
  ])
  node.setHealth('', 'UNKNOWN')
  assert.deepEqual((await verdicts())[0], [false, 'UNKNOWN'])
  const unknown = await check(node.port, { ...SERVER, grpc: 'no.Such' })
  assert.deepEqual([unknown.passed, unknown.reason], [false, 'the health service does not know the service'])
})

test('a node without the health service fails, and says so', async () => {
  await using node = await startGrpcNode('n', { health: false })
  assert.deepEqual(await check(node.port, SERVER), {
    ...{ passed: false, reason: 'no health service', isHung: false },
  })
})

test('it asks in its own name, with a deadline, on a connection that it closes', async t => {
  const closed = Promise.withResolvers<void>()
  const node = await startHttp2Node(t, ({ stream }) => {
    stream.session!.once('close', closed.resolve)
    stream.respond({ ':status': 200, 'grpc-status': '13' }, { endStream: true })
  })
  const result = await check(node.port, { ...SERVER, host: 'health.local', timeoutMs: 2_000 })
  assert.deepEqual([result.passed, result.reason], [false, 'gRPC status INTERNAL'])
  const { headers } = node.requests[0]!
  assert.deepEqual(
    [headers[':path'], headers[':authority'], headers['grpc-timeout'], headers['user-agent'], headers.te],
    ['/grpc.health.v1.Health/Check', 'health.local', '2000000u', 'waygate-health-check', 'trailers'],
  )
  await closed.promise
})

test('a node that answers anything else fails, whatever it is', async t => {
  const answer = (message: number[], end: object = { 'grpc-status': '0' }) => {
    return ({ stream }: Http2NodeRequest) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers(end as Record<string, string>))
      stream.end(Buffer.from(message))
    }
  }
  for (const [respond, reason] of [
    [answer([0, 0, 0, 0, 2, 8, 1]), 'SERVING'],
    [answer([0, 0, 0, 0, 0]), 'UNKNOWN'],
    [answer([0, 0, 0, 0, 2, 8, 9]), 'invalid answer of the health service'],
    [answer([0, 0, 0, 0, 2, 16, 1]), 'invalid answer of the health service'],
    [answer([0, 255, 255, 255, 255, 8, 1]), 'invalid answer of the health service'],
    [answer([1, 0, 0, 0, 2, 8, 1]), 'invalid answer of the health service'],
    [answer([]), 'invalid answer of the health service'],
    [answer([0, 0, 0, 0, 2, 8, 1], { 'x-a': '1' }), 'gRPC status UNKNOWN'],
    [({ stream }: Http2NodeRequest) => stream.respond({ ':status': 503 }, { endStream: true }), 'status 503'],
    [({ stream }: Http2NodeRequest) => stream.close(2), 'no answer: RST_STREAM with code 2'],
    [
      ({ stream }: Http2NodeRequest) => stream.session!.destroy(),
      'no answer: the node closed the connection',
    ],
    [
      ({ stream }: Http2NodeRequest) => {
        stream.respond({ ':status': 200 })
        stream.end(Buffer.alloc(100_000))
      },
      'no answer: the answer is too large',
    ],
  ] as const) {
    const node = await startHttp2Node(t, respond)
    const result = await check(node.port, SERVER)
    assert.deepEqual([result.reason, result.passed], [reason, reason === 'SERVING'])
  }
})

test('a path of a node that speaks HTTP/2 is asked for over HTTP/2', async t => {
  const node = await startHttp2Node(t, ({ stream }) =>
    stream.respond({ ':status': 204 }, { endStream: true }),
  )
  assert.deepEqual(await check(node.port, PATH, 'h2c'), { passed: true, reason: 'status 204', isHung: false })
  const failed = await check(node.port, { ...PATH, statuses: [200] }, 'h2c')
  assert.deepEqual([failed.passed, failed.reason], [false, 'status 204'])
  const { headers } = node.requests[0]!
  assert.deepEqual([headers[':method'], headers[':path']], ['GET', '/healthz?deep=1'])
})

test('a node that speaks HTTP/1 or says nothing fails in time', async t => {
  const server = createServer(socket => {
    socket.on('error', () => {})
    if (answers) socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  let answers = true
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const spoken = await check(port, SERVER)
  assert.equal(spoken.passed, false)
  assert.match(spoken.reason, /^no answer: /)
  answers = false
  assert.deepEqual(await check(port, { ...SERVER, timeoutMs: 1_000 }), {
    ...{ passed: false, reason: 'no answer within 1000 ms', isHung: true },
  })
})

test('one rule of a service with nodes of both kinds applies to those that can answer it', () => {
  const TCP: HealthCheck = { ...SERVER, grpc: undefined }
  const lanes = ['http', 'grpc', undefined] as const
  for (const [rule, expected] of [
    [PATH, [true, false, false]],
    [SERVER, [false, true, false]],
    [TCP, [true, true, false]],
  ] as const) {
    assert.deepEqual(
      lanes.map(lane => isCheckable(lane, rule)),
      expected,
    )
  }
})
