import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../internal/call.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { createAccessLog } from '../../middleware/access-log.ts'
import { fakePeers } from '../support/peer.ts'
import { testRoute } from '../support/route.ts'

function logged(
  change: (call: Call) => void = () => {},
  target = '/user/1?token=hunter2',
): Record<string, unknown> {
  const lines: string[] = []
  const log = createAccessLog({ write: line => void lines.push(line), now: () => 1_700 })
  const call = new Call('id-1', 'GET', target, 0)
  change(call)
  log(call, 200, '10.0.0.9', 1.23456)
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /^[^\n]+\n$/)
  const { level, time, pid, ...fields } = JSON.parse(lines[0]!)
  assert.deepEqual([level, time, pid], [30, 1_700, process.pid])
  return fields
}

test('a line says who asked for what, who answered and how long it took', () => {
  const [peer] = fakePeers({ n7: 1 })
  const line = logged(call => {
    call.route = testRoute({ id: 'r1' })
    call.peer = peer
    call.attempts = 2
    call.upstreamMs = 0.98765
    call.identity = { subject: 'u1', headers: ['x-user-id', 'u1'], scopes: [], roles: [] }
  })
  assert.deepEqual(line, {
    requestId: 'id-1',
    method: 'GET',
    path: '/user/1',
    http: '1.1',
    status: 200,
    route: 'r1',
    service: 'user',
    node: 'n7',
    address: '127.0.0.1:3000',
    attempts: 2,
    upstreamMs: 0.988,
    totalMs: 1.235,
    client: '10.0.0.9',
    user: 'u1',
    msg: 'request',
  })
})

test('a gRPC call has its method and status, and a transcoded one says so', () => {
  const called = logged(call => {
    call.rpc = 'task.v1.Tasks/Get'
    call.grpcStatus = 0
  })
  assert.deepEqual([called.rpc, called.grpcStatus, called.transcoded], ['task.v1.Tasks/Get', 0, undefined])
  assert.equal(logged(call => void Object.assign(call, { isTranscoded: true })).transcoded, true)
  assert.equal(logged(call => void Object.assign(call, { grpcStatus: 14 })).grpcStatus, 14)
})

test('a request that came nowhere has no empty fields', () => {
  assert.deepEqual(Object.keys(logged()).sort(), [
    'attempts',
    'client',
    'http',
    'method',
    'msg',
    'path',
    'requestId',
    'status',
    'totalMs',
  ])
})

test('of a failure the innermost cause is told, and the code that the client was', () => {
  const line = logged(call => {
    call.errorCode = 'WG_UPSTREAM_UNREACHABLE'
    call.failure = new UpstreamFailure(
      'connect',
      new Error('outer', { cause: new Error('connect ECONNREFUSED') }),
    )
    call.degraded = true
  })
  assert.equal(line.code, 'WG_UPSTREAM_UNREACHABLE')
  assert.equal(line.reason, 'connect ECONNREFUSED')
  assert.equal(line.fallback, true)
})

test('a failure that is not an error is told too', () => {
  assert.equal(
    logged(call => {
      call.failure = 'odd'
    }).reason,
    'odd',
  )
  assert.equal(
    logged(call => {
      call.failure = new RangeError('')
    }).reason,
    'RangeError',
  )
})

test('a query is never logged', () => {
  for (const target of ['/?token=hunter2', '/a?b?hunter2', '/?']) {
    assert.ok(!JSON.stringify(logged(() => {}, target)).includes('hunter2'))
  }
})

test('text from outside is quoted as JSON quotes it', () => {
  const odd = 'a"b\\c\u0000\u2028 \xe9\ud800'
  const line = logged(call => {
    call.route = testRoute({ id: odd })
    call.identity = { subject: odd, headers: [], scopes: [], roles: [] }
    call.failure = odd
  }, `/${odd}`)
  assert.equal(line.route, odd)
  assert.equal(line.user, odd)
  assert.equal(line.reason, odd)
  assert.equal(line.path, `/${odd}`)
})
