import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS, type ErrorCode, GatewayError, problemBody } from '../../../internal/http/errors.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'

const CODES = Object.keys(ERRORS) as ErrorCode[]

test('each code has its documented status', () => {
  const promised: Partial<Record<ErrorCode, number>> = {
    WG_NO_ROUTE: 404,
    WG_METHOD_NOT_ALLOWED: 405,
    WG_BAD_REQUEST: 400,
    WG_TOKEN_MISSING: 401,
    WG_TOKEN_INVALID: 401,
    WG_TOKEN_EXPIRED: 401,
    WG_FORBIDDEN: 403,
    WG_BODY_TOO_LARGE: 413,
    WG_RATE_LIMITED: 429,
    WG_NO_NODE: 503,
    WG_CIRCUIT_OPEN: 503,
    WG_UPSTREAM_UNREACHABLE: 502,
    WG_UPSTREAM_INVALID: 502,
    WG_UPSTREAM_TIMEOUT: 504,
    WG_OVERLOADED: 503,
    WG_SHUTTING_DOWN: 503,
  }
  for (const [code, status] of Object.entries(promised)) {
    assert.equal(new GatewayError(code as ErrorCode).status, status, code)
  }
})

test('a problem document describes the error, but not its cause', () => {
  for (const code of CODES) {
    const cause = new Error('connect ECONNREFUSED 10.0.0.7:3001')
    const error = new GatewayError(code, { cause })
    const body = JSON.parse(problemBody(error, 'id-1')) as Record<string, unknown>
    assert.deepEqual(Object.keys(body), ['type', 'title', 'status', 'code', 'detail', 'requestId'])
    assert.equal(body.code, code)
    assert.equal(body.status, ERRORS[code].status)
    assert.equal(body.requestId, 'id-1')
    assert.ok(!JSON.stringify(body).includes('10.0.0.7'))
    assert.equal(error.cause, cause)
  }
})

test('a problem document without a request has no id', () => {
  assert.ok(!('requestId' in JSON.parse(problemBody(new GatewayError('WG_BAD_REQUEST'), undefined))))
})

test('a detail replaces the one in the table', () => {
  const error = new GatewayError('WG_BAD_REQUEST', { detail: 'One Host, please.' })
  assert.equal(JSON.parse(problemBody(error, 'x')).detail, 'One Host, please.')
})

test('a GatewayError has no stack, and other errors keep theirs', () => {
  const limit = Error.stackTraceLimit
  for (const error of [new GatewayError('WG_NO_ROUTE'), new UpstreamFailure('connect')]) {
    assert.ok(!error.stack?.includes('\n    at '))
  }
  assert.equal(Error.stackTraceLimit, limit)
  assert.ok(new Error('x').stack?.includes('\n    at '))
})
