import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { FailingRequests } from '../../../internal/nodes/failing-requests.ts'
import type { Route } from '../../../internal/routing/route.ts'
import type { BodyObserver, CallEnd, UpstreamResponse } from '../../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { CircuitBreaker } from '../../../wrappers/breaker/circuit-breaker.ts'
import type {
  BreakerReason,
  CircuitBreakerOptions,
} from '../../../wrappers/breaker/circuit-breaker-options.ts'
import { CircuitOpenError } from '../../../wrappers/breaker/half-open.ts'
import { FakeBody } from '../../support/bodies.ts'
import { testRequest, testRoute } from '../../support/route.ts'
import { until } from '../../support/until.ts'

const UNAVAILABLE = 14
const ANSWER: UpstreamResponse = { status: 200, headers: [], sendBody: () => {}, discard: () => {} }

/** An answer of a gRPC node that has begun, and that the test ends. */
function begun(requestLine = 'POST /s.S/M') {
  let observer: BodyObserver | undefined
  let listener: ((end: CallEnd) => void) | undefined
  const answer: UpstreamResponse = {
    ...ANSWER,
    requestLine,
    observe: given => {
      observer = given
    },
    whenOver: given => {
      listener = given
    },
  }
  return {
    answer,
    message: () => observer?.onChunk(Buffer.from('message')),
    end: (grpcStatus: number | undefined, isBroken = false) => listener!({ grpcStatus, isBroken }),
  }
}

/** Lets time pass only when the test says so. */
function stopClock(t: TestContext): { now: number } {
  const clock = { now: 1_000 }
  t.mock.method(performance, 'now', () => clock.now)
  return clock
}

const trailersOnly = (grpcStatus: number): UpstreamResponse => ({
  ...ANSWER,
  grpcStatus,
  requestLine: 'POST /s.S/M',
  whenOver: listener => listener({ grpcStatus, isBroken: false }),
})

function setUp(
  options: Partial<CircuitBreakerOptions> = {},
  isStreaming: boolean | undefined = undefined,
  route: Partial<Route> = {},
) {
  const reasons: BreakerReason[] = []
  const settings = {
    ...{ failureRatio: 0.5, minimumRequests: 4, windowMs: 60_000, openMs: 20 },
    ...{ grpcFailures: [2, 13, 14, 15], ejectLastNode: true, ...options },
  }
  const failing = new FailingRequests()
  const breaker = new CircuitBreaker(
    () => settings,
    { onChange: (_state, reason) => void reasons.push(reason) },
    failing,
  )
  const rpc = { method: 's.S/M', isIdempotent: false, isStreaming }
  const request = testRequest({
    ...{ method: 'POST', target: '/s.S/M', body: new FakeBody(), rpc },
    route: testRoute(route),
  })
  let call = new Call('id', 'POST', '/s.S/M', 0)
  const fire = (answer: UpstreamResponse | Promise<UpstreamResponse>) => {
    call = new Call('id', 'POST', '/s.S/M', 0)
    return breaker.fire(async () => answer, request, call)
  }
  return {
    breaker,
    reasons,
    fire,
    /** The client leaves. */
    leave: () => call.end(new UpstreamFailure('aborted')),
    fail: (failure: UpstreamFailure | FailureKind) =>
      breaker
        .fire(
          async () => {
            throw typeof failure === 'string' ? new UpstreamFailure(failure) : failure
          },
          request,
          call,
        )
        .catch(error => error as unknown),
    async halfOpen() {
      while (breaker.state === 'closed') await fire(trailersOnly(UNAVAILABLE))
      await until('the breaker is half-open', () => breaker.state === 'half-open')
    },
  }
}

test('a call is counted at its end, by its status', async () => {
  for (const [grpcStatus, isBroken, hasLeft, passed, failed] of [
    [0, false, false, 1, 0],
    [5, false, false, 1, 0],
    [UNAVAILABLE, false, false, 0, 1],
    [undefined, false, false, 0, 1],
    [undefined, true, false, 0, 1],
    [0, true, false, 0, 1],
    [undefined, true, true, 0, 0],
  ] as const) {
    const { breaker, fire, leave } = setUp()
    const { answer, end: finish } = begun()
    assert.equal(await fire(answer), answer)
    assert.deepEqual([breaker.passed, breaker.failed], [0, 0])
    if (hasLeft) leave()
    finish(grpcStatus, isBroken)
    assert.deepEqual([breaker.passed, breaker.failed], [passed, failed], `${grpcStatus} ${isBroken}`)
    breaker.close()
  }
})

test('a call whose answer consists of its status is counted at once', async () => {
  const { breaker, fire, reasons } = setUp()
  await fire(trailersOnly(5))
  assert.deepEqual([breaker.passed, breaker.failed], [1, 0])
  for (let i = 0; i < 3; i++) await fire(trailersOnly(UNAVAILABLE))
  assert.deepEqual(reasons, ['too many failures'])
  breaker.close()
})

test('the document decides which statuses are failures', async () => {
  const { breaker, fire } = setUp({ grpcFailures: [5] })
  await fire(trailersOnly(UNAVAILABLE))
  await fire(trailersOnly(5))
  assert.deepEqual([breaker.passed, breaker.failed], [1, 1])
  breaker.close()
})

test('a method that fails wherever it is called ejects no node', async () => {
  const { breaker, fire } = setUp({ ejectLastNode: false })
  for (let i = 0; i < 20; i++) {
    const { answer, end } = begun('POST /s.S/Broken')
    await fire(answer)
    end(13)
  }
  // Only the first one could be the node's.
  assert.deepEqual([breaker.state, breaker.failed], ['closed', 1])
  breaker.close()
})

test('an answer that has begun ends the row of tries without an answer', async () => {
  const { breaker, fire, fail } = setUp({ minimumRequests: 10, failureRatio: 1 })
  for (let i = 0; i < 4; i++) await fail('timeout')
  await fire(begun().answer)
  for (let i = 0; i < 4; i++) await fail('timeout')
  assert.equal(breaker.state, 'closed')
  await fail('timeout')
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('a node that refuses all calls is left alone after as many as one without a connection', async t => {
  const clock = stopClock(t)
  const { breaker, fail, reasons } = setUp({ minimumRequests: 3 })
  // A connection that ends refuses all of its calls at once.
  for (let i = 0; i < 100; i++) await fail('refused')
  assert.deepEqual([breaker.state, breaker.passed, breaker.failed], ['closed', 0, 0])
  for (let i = 0; i < 2; i++) {
    clock.now += 50
    await fail('refused')
  }
  assert.deepEqual([breaker.state, breaker.isUnreachable, reasons], ['open', true, ['no connection']])
  breaker.close()
})

test('a node that refuses some calls and answers others stays in use', async t => {
  const clock = stopClock(t)
  const { breaker, fire, fail } = setUp({ minimumRequests: 2 })
  for (let i = 0; i < 4; i++) {
    clock.now += 50
    await fail('refused')
    await fire(begun().answer)
  }
  assert.deepEqual([breaker.state, breaker.failed], ['closed', 0])
  breaker.close()
})

test('a deadline that the client chose itself counts only as far as the route would wait', async () => {
  const { breaker, fail } = setUp({ minimumRequests: 5, failureRatio: 1 })
  const own = new UpstreamFailure('timeout')
  own.isShortTimeout = true
  for (let i = 0; i < 20; i++) await fail(own)
  assert.deepEqual([breaker.state, breaker.failed], ['closed', 0])
  for (let i = 0; i < 5; i++) await fail('timeout')
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('calls that were lost because their node did not answer a PING count as not answered in time', async () => {
  const { breaker, fail, reasons } = setUp({ minimumRequests: 10, failureRatio: 1 })
  for (let i = 0; i < 20; i++) await fail('hung')
  assert.equal(breaker.state, 'closed')
  for (let i = 0; i < 5; i++) await fail(new UpstreamFailure('hung', new Error('no answer to a PING')))
  assert.deepEqual([breaker.state, reasons], ['open', ['no answer']])
  breaker.close()
})

test('a unary call is slow when its first message is late, and a stream never is', async t => {
  const clock = stopClock(t)
  for (const [isStreaming, expected] of [
    [false, 1],
    [true, 0],
    [undefined, 0],
  ] as const) {
    const { breaker, fire } = setUp({ slowCallMs: 20 }, isStreaming)
    const [quick, slow] = [begun(), begun()]
    await fire(quick.answer)
    quick.message()
    await fire(slow.answer)
    clock.now += 21
    slow.message()
    for (const { end } of [quick, slow]) end(0)
    assert.deepEqual([breaker.failed, breaker.passed], [expected, 2 - expected], String(isStreaming))
    breaker.close()
  }
})

test('the answer of the probe is passed on before it is judged', async () => {
  const { breaker, fire, halfOpen, reasons } = setUp()
  await halfOpen()
  const { answer, end } = begun()
  assert.equal(await fire(answer), answer)
  assert.equal(breaker.state, 'half-open')
  await assert.rejects(fire(ANSWER), CircuitOpenError)
  end(0)
  await until('the breaker is closed', () => breaker.state === 'closed')
  assert.equal(reasons.at(-1), 'probe succeeded')
  breaker.close()
})

test('the first message of the probe closes the breaker, so that a stream need not end', async () => {
  const { breaker, fire, halfOpen } = setUp()
  await halfOpen()
  const { answer, message, end } = begun()
  await fire(answer)
  message()
  await until('the breaker is closed', () => breaker.state === 'closed')
  end(UNAVAILABLE)
  assert.deepEqual([breaker.state, breaker.failed], ['closed', 0])
  breaker.close()
})

test('a stream that is answered and stays silent closes the breaker, which would wait for its first message', async () => {
  const { breaker, fire, halfOpen, reasons } = setUp({}, true, { timeoutMs: 20 })
  await halfOpen()
  const { answer, end } = begun()
  await fire(answer)
  assert.equal(breaker.state, 'half-open')
  await until('the breaker is closed', () => breaker.state === 'closed')
  end(UNAVAILABLE)
  assert.deepEqual([reasons.at(-1), breaker.failed], ['probe succeeded', 0])
  breaker.close()
})

test('a call that is not answered shows nothing, and the next one is the probe', async () => {
  const { breaker, fire, halfOpen, reasons } = setUp({}, undefined, { timeoutMs: 20 })
  await halfOpen()
  const late = Promise.withResolvers<UpstreamResponse>()
  const waiting = fire(late.promise)
  await until('the breaker gives up on it', () => reasons.at(-1) === 'probe aborted')
  await until('it wants another probe', () => breaker.admits())
  // What the first one shows now is of no interest.
  late.reject(new UpstreamFailure('reset'))
  await assert.rejects(waiting)
  assert.equal(breaker.admits(), true)
  const { answer, message } = begun()
  await fire(answer)
  message()
  await until('the breaker is closed', () => breaker.state === 'closed')
  breaker.close()
})

test('a probe that fails opens the breaker again, and one that is given up shows nothing', async () => {
  for (const [hasLeft, grpcStatus, isBroken, reason] of [
    [false, UNAVAILABLE, false, 'probe failed'],
    [false, undefined, true, 'probe failed'],
    [true, undefined, true, 'probe aborted'],
  ] as const) {
    const { breaker, fire, leave, halfOpen, reasons } = setUp({ openMs: 100 })
    await halfOpen()
    const { answer, end: finish } = begun()
    await fire(answer)
    if (hasLeft) leave()
    finish(grpcStatus, isBroken)
    await until('the breaker is open', () => breaker.state === 'open')
    assert.equal(reasons.at(-1), reason)
    breaker.close()
  }
  const { breaker, fire, halfOpen, reasons } = setUp({ openMs: 100 })
  await halfOpen()
  await fire(trailersOnly(UNAVAILABLE))
  await until('the breaker is open', () => breaker.state === 'open')
  assert.equal(reasons.at(-1), 'probe failed')
  breaker.close()
})
