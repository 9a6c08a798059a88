import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  GRPC_STATUS,
  grpcStatusOfError,
  grpcStatusOfHttp,
  grpcStatusOfReset,
  httpStatusOf,
  parseGrpcStatus,
} from '../../../internal/grpc/status.ts'
import { ERRORS, type ErrorCode } from '../../../internal/http/errors.ts'

test('each gRPC status stands for an HTTP status', () => {
  const seen = Object.entries(GRPC_STATUS).map(([name, number]) => [number, name, httpStatusOf(number)])
  assert.deepEqual(seen, [
    [0, 'OK', 200],
    [1, 'CANCELLED', 499],
    [2, 'UNKNOWN', 500],
    [3, 'INVALID_ARGUMENT', 400],
    [4, 'DEADLINE_EXCEEDED', 504],
    [5, 'NOT_FOUND', 404],
    [6, 'ALREADY_EXISTS', 409],
    [7, 'PERMISSION_DENIED', 403],
    [8, 'RESOURCE_EXHAUSTED', 429],
    [9, 'FAILED_PRECONDITION', 400],
    [10, 'ABORTED', 409],
    [11, 'OUT_OF_RANGE', 400],
    [12, 'UNIMPLEMENTED', 501],
    [13, 'INTERNAL', 500],
    [14, 'UNAVAILABLE', 503],
    [15, 'DATA_LOSS', 500],
    [16, 'UNAUTHENTICATED', 401],
  ])
  assert.equal(httpStatusOf(17), 500)
})

test('each error of the gateway has a gRPC status that is a failure', () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const status = grpcStatusOfError(code)
    assert.ok(status >= 1 && status <= 16, code)
    // What a client may try again later is UNAVAILABLE or RESOURCE_EXHAUSTED, and nothing else is.
    if (ERRORS[code].status === 503) assert.equal(status, 14, code)
    if (ERRORS[code].status === 401) assert.equal(status, 16, code)
    if (ERRORS[code].status === 403) assert.equal(status, 7, code)
    if (ERRORS[code].status === 404) assert.equal(status, 12, code)
  }
  assert.equal(grpcStatusOfError('WG_UPSTREAM_TIMEOUT'), 4)
  assert.equal(grpcStatusOfError('WG_BODY_TOO_LARGE'), 8)
  assert.equal(grpcStatusOfError('WG_UPSTREAM_INVALID'), 13)
})

test('an HTTP status of a node becomes a gRPC status', () => {
  const seen = [200, 400, 401, 403, 404, 418, 429, 500, 502, 503, 504].map(grpcStatusOfHttp)
  assert.deepEqual(seen, [2, 13, 16, 7, 12, 2, 14, 2, 14, 14, 14])
})

test('the code of a reset becomes a gRPC status', () => {
  const seen = Array.from({ length: 15 }, (_, code) => grpcStatusOfReset(code))
  assert.deepEqual(seen, [13, 13, 13, 13, 13, 13, 13, 14, 1, 13, 13, 8, 7, 13, 13])
})

test('grpc-status is a number from 0 to 16', () => {
  for (const [value, status] of [
    ['0', 0],
    ['5', 5],
    ['16', 16],
    ['05', 5],
  ] as const) {
    assert.equal(parseGrpcStatus(value), status)
  }
  for (const value of ['', '17', '99', '-1', '1.0', ' 1', '0x1', '100', 'OK', '1e1']) {
    assert.equal(parseGrpcStatus(value), undefined, value)
  }
})
