import assert from 'node:assert/strict'
import { test } from 'node:test'
import { endOfFailure, readGrpcEnd } from '../../../internal/grpc/grpc-end.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import { ERROR, Http2Error } from '../../../internal/http2/frames.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'

test('valid trailers are passed on as they are', () => {
  const lines = [
    'grpc-status',
    '5',
    'grpc-message',
    'no%20task',
    'x-custom',
    'a',
    'grpc-status-details-bin',
    'CAU',
  ]
  const end = readGrpcEnd(lines)
  assert.equal(end.status, 5)
  assert.equal(end.lines, lines)
  assert.equal(end.problem, undefined)
})

test('a call that ends without a status ended with UNKNOWN', () => {
  for (const lines of [[], ['x-custom', 'a']]) {
    const end = readGrpcEnd(lines)
    assert.equal(end.status, 2)
    const message = 'the service ended the call without a status'
    assert.deepEqual(end.lines, [...lines, 'grpc-status', '2', 'grpc-message', message])
    assert.equal(end.problem, message)
  }
})

test('a status that does not exist becomes UNKNOWN, and its digits are for the log', () => {
  const end = readGrpcEnd(['grpc-status', '99', 'x-custom', 'a', 'grpc-message', '100%25'])
  assert.equal(end.status, 2)
  assert.deepEqual(end.lines, ['x-custom', 'a', 'grpc-status', '2', 'grpc-message', '100%25'])
  assert.equal(end.problem, 'grpc-status "99"')
  assert.deepEqual(readGrpcEnd(['grpc-status', 'x'.repeat(1_000)]).lines, ['grpc-status', '2'])
})

test('several statuses are an error, even if they are equal', () => {
  assert.throws(() => readGrpcEnd(['grpc-status', '0', 'Grpc-Status', '0', 'grpc-message', 'a']), Http2Error)
})

test('a call that fails in the middle of its answer has a status and a message', () => {
  const reset = (code: number) => new UpstreamFailure('reset', new Http2Error(code, 'RST_STREAM', 7))
  const lost = 'the service ended the connection'
  const cases = [
    [new UpstreamFailure('reset', new Error('read ECONNRESET')), 14, lost],
    [new UpstreamFailure('reset', new Http2Error(ERROR.enhanceYourCalm, 'GOAWAY')), 14, lost],
    [new UpstreamFailure('hung'), 14, lost],
    [reset(ERROR.cancel), 1, 'the service reset the call'],
    [reset(ERROR.enhanceYourCalm), 8, 'the service reset the call'],
    [reset(ERROR.noError), 13, 'the service reset the call'],
    [new UpstreamFailure('timeout'), 4, 'the service did not answer in time'],
    [
      new UpstreamFailure('invalid', new Error('two heads')),
      13,
      'the answer of the service is not valid HTTP/2',
    ],
    [
      new UpstreamFailure('unsendable', new GatewayError('WG_BODY_TOO_LARGE')),
      8,
      'The request body is too large.',
    ],
  ] as const
  for (const [failure, status, message] of cases) {
    const end = endOfFailure(failure)
    assert.deepEqual(end.lines, ['grpc-status', String(status), 'grpc-message', message])
    assert.equal(end.status, status)
  }
})
