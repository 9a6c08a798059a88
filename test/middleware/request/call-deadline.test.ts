import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { GrpcRule } from '../../../internal/routing/route.ts'
import { startCallDeadline } from '../../../middleware/request/call-deadline.ts'
import { Deadlines } from '../../../middleware/request/deadlines.ts'
import { grpcRule } from '../../support/route.ts'
import { until } from '../../support/until.ts'

/** Starts the deadline of a call that began at 1,000 ms. */
function start(value: string | undefined, rule: Partial<GrpcRule> = {}, timeoutMs = 15_000) {
  const call = new Call('id', 'POST', '/s.S/M', 1_000)
  const headers = ['x-a', '1', ...(value === undefined ? [] : ['grpc-timeout', value])]
  const deadline = startCallDeadline(new Deadlines(), call, headers, {
    timeoutMs,
    grpc: grpcRule(rule),
  })
  deadline?.clear()
  assert.deepEqual(headers, ['x-a', '1'])
  return { deadlineAt: call.deadlineAt, expiresAt: deadline?.expiresAt }
}

test('the client sets the deadline, and the route that of calls without one', () => {
  for (const [value, rule, deadlineAt] of [
    ['250m', {}, 1_250],
    ['2S', { timeoutMs: 500 }, 3_000],
    ['2S', { maxTimeoutMs: 500 }, 1_500],
    [undefined, { timeoutMs: 500 }, 1_500],
    // The longest that a client may ask for is no deadline for those that ask for none.
    [undefined, { timeoutMs: 500, maxTimeoutMs: 100 }, 1_500],
    [undefined, { maxTimeoutMs: 100 }, undefined],
    [undefined, {}, undefined],
  ] as const) {
    const found = start(value, rule)
    assert.deepEqual(
      [found.deadlineAt, found.expiresAt !== undefined],
      [deadlineAt, deadlineAt !== undefined],
    )
  }
})

test('calls share queues: they end up to 50 ms late, or 1 s when they may take more than 10 s', () => {
  for (const [value, expiresAt] of [
    ['1n', 1_050],
    ['250m', 1_250],
    ['251m', 1_300],
    ['10S', 11_000],
    ['10001m', 12_000],
    ['99999999H', 1_000 + 359_999_996_400_000],
  ] as const) {
    assert.equal(start(value).expiresAt, expiresAt, value)
  }
})

test('a malformed timeout is refused', () => {
  for (const value of ['', '5', '-1S', '1.5S', '123456789S', '1s', '1S, 2S', ' 1S']) {
    assert.throws(() => start(value), { code: 'WG_BAD_REQUEST', message: 'invalid grpc-timeout' }, value)
  }
})

test('a deadline shorter than the route’s timeout says nothing about the node', async () => {
  const alive = setInterval(() => {}, 1_000)
  for (const [value, timeoutMs, isClients] of [
    ['1m', 15_000, true],
    ['20m', 20, false],
    [undefined, 15_000, false],
  ] as const) {
    const call = new Call('id', 'POST', '/s.S/M', performance.now())
    const headers = value === undefined ? [] : ['grpc-timeout', value]
    startCallDeadline(new Deadlines(), call, headers, { timeoutMs, grpc: grpcRule({ timeoutMs: 1 }) })
    const { kind, isShortTimeout } = await until('the call has ended', () => call.ended)
    assert.deepEqual([kind, isShortTimeout], ['timeout', isClients])
  }
  clearInterval(alive)
})
