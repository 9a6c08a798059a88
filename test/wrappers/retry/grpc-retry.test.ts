import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { GrpcRule, Route } from '../../../internal/routing/route.ts'
import type { Rpc, UpstreamRequest, UpstreamResponse } from '../../../internal/upstream.ts'
import { wrap } from '../../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { createCallFields } from '../../../wrappers/retry/call-fields.ts'
import { createHedge } from '../../../wrappers/retry/hedge.ts'
import { createRetry } from '../../../wrappers/retry/retry.ts'
import { RetryBudgets } from '../../../wrappers/retry/retry-budget.ts'
import { isMovable } from '../../../wrappers/retry/retry-rules.ts'
import { FakeBody } from '../../support/bodies.ts'
import { type FakePeer, fakePeers } from '../../support/peer.ts'
import { grpcRule, testRequest, testRoute } from '../../support/route.ts'
import { until } from '../../support/until.ts'

const UNAVAILABLE = 14
const OK: UpstreamResponse = { status: 200, headers: [], sendBody: () => {}, discard: () => {} }
/** An answer that consists of its status. */
const ends = (grpcStatus: number, headers: readonly string[] = []): UpstreamResponse => ({
  ...OK,
  grpcStatus,
  headers: ['grpc-status', String(grpcStatus), ...headers],
})

const RULE = grpcRule({ retryOn: [UNAVAILABLE] })

/** What a node does with one try: a failure, an answer, or an answer that comes when the test says so. */
type Result = FailureKind | UpstreamFailure | UpstreamResponse | Promise<UpstreamResponse>

interface Asked {
  readonly node: string
  readonly request: UpstreamRequest
}

/** Nodes that are asked in order; each try takes the next result of its node, and the last one again and again. */
function setUp(nodes: Readonly<Record<string, readonly Result[]>>, route: Partial<Route> = {}) {
  const peers = fakePeers(Object.fromEntries(Object.keys(nodes).map(id => [id, 1])))
  const asked: Asked[] = []
  const budgets = new RetryBudgets()
  const upstream = wrap(
    async (request, call) => {
      const { id } = (call.peer as FakePeer).node
      const times = asked.filter(({ node }) => node === id).length
      asked.push({ node: id, request })
      // A node takes the body of a call before it answers.
      request.body?.open({ onData: () => {}, onEnd: () => {}, onError: () => {} }).resume()
      const result = nodes[id]![Math.min(times, nodes[id]!.length - 1)]!
      if (typeof result === 'string') throw new UpstreamFailure(result)
      if (result instanceof UpstreamFailure) throw result
      return result
    },
    [
      createRetry({ budgets, random: () => 0 }),
      createHedge({ budgets }),
      next => async (request, call) => {
        const peer = peers.find(each => !call.tried.includes(each))
        if (!peer) throw new GatewayError('WG_NO_NODE')
        call.peer = peer
        call.attempts++
        return next(request, call)
      },
      createCallFields(() => 100),
    ],
  )
  const call = new Call('id', 'POST', '/s.S/M', performance.now())
  return {
    asked,
    call,
    budgets,
    nodesAsked: () => asked.map(({ node }) => node).join(''),
    headersOf: (index: number) => asked[index]!.request.headers,
    ask(rpc: Partial<Rpc> = {}, body = new FakeBody(), headers: string[] = []) {
      const request = testRequest({
        ...{ method: 'POST', target: '/s.S/M', headers, body },
        route: testRoute({ retryBufferBytes: 10, grpc: RULE, ...route }),
        rpc: { method: 's.S/M', isIdempotent: false, isStreaming: undefined, ...rpc },
      })
      return upstream(request, call).then(
        answer => answer.grpcStatus ?? 'ok',
        error => (error instanceof GatewayError ? error.code : error),
      )
    },
  }
}

test('a call that a node has not acted on is repeated, of any method and kind', async () => {
  for (const kind of ['connect', 'refused'] as const) {
    for (const isStreaming of [true, false, undefined]) {
      const { ask, nodesAsked } = setUp({ a: [kind], b: [OK] })
      assert.deepEqual([await ask({ isStreaming }), nodesAsked()], ['ok', 'ab'])
    }
  }
})

test('the only node is asked again when it refuses, even without retries, and costs no budget', async () => {
  const { ask, nodesAsked, budgets, headersOf } = setUp({ a: ['refused', 'refused', OK] }, { retries: 0 })
  assert.deepEqual([await ask(), nodesAsked()], ['ok', 'aaa'])
  assert.deepEqual([budgets.get('user')!.refused, budgets.get('user')!.retrying], [0, 0])
  // A node that refuses has not seen the call.
  assert.deepEqual(headersOf(2), [])
})

const noConnectionInTime = new UpstreamFailure(
  'connect',
  Object.assign(new Error('late'), { code: 'ETIMEDOUT' }),
)

test('a node that accepts no connection in time is asked again when no other is left, unless retries are off', async () => {
  const alone = setUp({ a: [noConnectionInTime, noConnectionInTime, OK] })
  assert.deepEqual([await alone.ask(), alone.nodesAsked()], ['ok', 'aaa'])
  const others = setUp({ a: [noConnectionInTime, OK], b: ['connect', OK], c: ['connect'] })
  assert.deepEqual([await others.ask(), others.nodesAsked()], ['ok', 'abca'])
  const { ask, nodesAsked } = setUp({ a: [noConnectionInTime, OK] }, { retries: 0 })
  assert.deepEqual([await ask(), nodesAsked()], ['WG_UPSTREAM_UNREACHABLE', 'a'])
  const gone = setUp({ a: [noConnectionInTime] })
  assert.deepEqual([await gone.ask(), gone.nodesAsked()], ['WG_UPSTREAM_UNREACHABLE', 'a'.repeat(11)])
})

test('a node that refuses again and again is given up', async () => {
  const { ask, nodesAsked } = setUp({ a: ['refused'] })
  assert.deepEqual([await ask(), nodesAsked()], ['WG_UPSTREAM_UNREACHABLE', 'a'.repeat(11)])
})

test('a refused call whose body is no longer kept is not repeated', async () => {
  const answer = Promise.withResolvers<UpstreamResponse>()
  const { ask, nodesAsked } = setUp({ a: [answer.promise, OK] })
  const body = new FakeBody()
  const got = ask({}, body)
  await new Promise(setImmediate)
  body.send('more than 10 bytes')
  answer.reject(new UpstreamFailure('refused'))
  assert.deepEqual([await got, nodesAsked()], ['WG_UPSTREAM_UNREACHABLE', 'a'])
})

test('a call that may have been acted on is repeated if its method is idempotent, or the document says on which statuses', async () => {
  const failures: Result[] = [ends(UNAVAILABLE), 'reset', 'hung', 'timeout']
  for (const failure of failures) {
    const plain = setUp({ a: [failure], b: [OK] })
    assert.notEqual(await plain.ask(), 'ok')
    assert.equal(plain.nodesAsked(), 'a')
    const idempotent = setUp({ a: [failure], b: [OK] })
    assert.deepEqual([await idempotent.ask({ isIdempotent: true }), idempotent.nodesAsked()], ['ok', 'ab'])
    const stated = setUp({ a: [failure], b: [OK] }, { grpc: { ...RULE, retriesAll: true } })
    assert.deepEqual([await stated.ask(), stated.nodesAsked()], ['ok', 'ab'])
    const never = setUp({ a: [failure], b: [OK] }, { grpc: { ...RULE, retryOn: [], retriesAll: true } })
    assert.notEqual(await never.ask({ isIdempotent: true }), 'ok')
    assert.equal(never.nodesAsked(), 'a')
  }
})

test('only statuses of the list are retried, and only when the answer consists of the status alone', async () => {
  for (const [answer, text, nodes] of [
    [ends(5), 5, 'a'],
    [ends(0), 0, 'a'],
    [OK, 'ok', 'a'],
    [ends(UNAVAILABLE), 'ok', 'ab'],
    // An answer that is not gRPC has the status that the specification gives it.
    [{ ...OK, status: 503 }, 'ok', 'ab'],
    [{ ...OK, status: 404 }, 'ok', 'a'],
  ] as const) {
    const { ask, nodesAsked } = setUp({ a: [answer], b: [OK] })
    assert.deepEqual([await ask({ isIdempotent: true }), nodesAsked()], [text, nodes])
  }
})

test('the statuses of retryOn that HTTP requests have do not apply to calls', async () => {
  const { ask, nodesAsked } = setUp(
    { a: [{ ...OK, status: 500 }], b: [OK] },
    { retryOn: [500], grpc: { ...RULE, retriesAll: true } },
  )
  await ask({ isIdempotent: true })
  assert.equal(nodesAsked(), 'a')
})

test('the last answer is passed on when no other node does better', async () => {
  const { ask, nodesAsked } = setUp({ a: [ends(UNAVAILABLE)], b: ['reset'] })
  assert.deepEqual([await ask({ isIdempotent: true }), nodesAsked()], [UNAVAILABLE, 'ab'])
})

test('a node may ask for a pause, or for no further try', async () => {
  const pushback = (value: string) => ends(UNAVAILABLE, ['grpc-retry-pushback-ms', value])
  for (const [value, text, nodes] of [
    ['30', 'ok', 'ab'],
    ['-1', UNAVAILABLE, 'a'],
    ['soon', UNAVAILABLE, 'a'],
  ] as const) {
    const { ask, nodesAsked } = setUp({ a: [pushback(value)], b: [OK] })
    const begunAt = performance.now()
    assert.deepEqual([await ask({ isIdempotent: true }), nodesAsked()], [text, nodes])
    if (value === '30') assert.ok(performance.now() - begunAt >= 29)
  }
  // A pause beyond the deadline is not waited for.
  const late = setUp({ a: [pushback('60000')], b: [OK] })
  late.call.deadlineAt = performance.now() + 1_000
  assert.deepEqual([await late.ask({ isIdempotent: true }), late.nodesAsked()], [UNAVAILABLE, 'a'])
})

test('a node is told how often the call was tried before, and what is left of its deadline', async () => {
  const { ask, call, headersOf } = setUp({ a: [ends(UNAVAILABLE)], b: ['refused'], c: [OK] })
  call.deadlineAt = 350
  const given = ['x-a', '1', 'grpc-previous-rpc-attempts', '2']
  assert.equal(await ask({ isIdempotent: true }, new FakeBody(), given), 'ok')
  const told = (attempts: number) => [
    ...['x-a', '1', 'grpc-timeout', '250000u'],
    ...['grpc-previous-rpc-attempts', String(attempts)],
  ]
  // The refusal in between does not count, because that node has not seen the call.
  assert.deepEqual([headersOf(0), headersOf(1), headersOf(2)], [told(2), told(3), told(3)])
})

test('an idempotent unary call is hedged, with its body, as long as that is kept', async () => {
  const slow = Promise.withResolvers<UpstreamResponse>()
  const hedged = setUp({ a: [slow.promise], b: [OK] }, { hedge: { afterMs: 1 } })
  assert.deepEqual(await hedged.ask({ isIdempotent: true, isStreaming: false }), 'ok')
  assert.equal(hedged.nodesAsked(), 'ab')
  assert.deepEqual(hedged.headersOf(1), ['grpc-previous-rpc-attempts', '1'])
  for (const [rpc, text] of [
    [{ isIdempotent: true, isStreaming: true }, 'x'],
    [{ isIdempotent: true, isStreaming: undefined }, 'x'],
    [{ isIdempotent: false, isStreaming: false }, 'x'],
    [{ isIdempotent: true, isStreaming: false }, 'more than 10 bytes'],
  ] as const) {
    const late = Promise.withResolvers<UpstreamResponse>()
    const { ask, nodesAsked } = setUp({ a: [late.promise], b: [OK] }, { hedge: { afterMs: 1 } })
    const body = new FakeBody()
    const got = ask(rpc, body)
    await new Promise(setImmediate)
    body.send(text)
    await new Promise(resolve => setTimeout(resolve, 10))
    late.resolve(OK)
    assert.deepEqual([await got, nodesAsked()], ['ok', 'a'])
  }
})

test('a call that waits at a node found to hang moves on if it may be repeated', () => {
  const call = new Call('id', 'POST', '/s.S/M', 0)
  call.attempts = 1
  const movable = (rpc: Partial<Rpc>, rule: Partial<GrpcRule> = {}) =>
    isMovable(
      testRequest({
        route: testRoute({ grpc: { ...RULE, ...rule } }),
        rpc: { method: 's.S/M', isIdempotent: false, isStreaming: true, ...rpc },
      }),
      call,
    )
  assert.deepEqual(
    [movable({}), movable({ isIdempotent: true }), movable({}, { retriesAll: true })],
    [false, true, true],
  )
})

test('a call that ended before its first try is sent to no node', async () => {
  for (const [kind, outcome] of [
    ['aborted', 'aborted'],
    ['timeout', 'WG_UPSTREAM_TIMEOUT'],
  ] as const) {
    const { ask, call, nodesAsked, budgets } = setUp({ a: [OK] })
    call.end(new UpstreamFailure(kind))
    const got = await ask()
    assert.equal(got instanceof UpstreamFailure ? got.kind : got, outcome)
    assert.deepEqual([nodesAsked(), budgets.get('user')?.active ?? 0], ['', 0])
  }
})

test('a node that asks for a longer wait than a timer can take is waited for, also without a deadline', async () => {
  const later = ends(UNAVAILABLE, ['grpc-retry-pushback-ms', '4000000000'])
  const { ask, call, nodesAsked } = setUp({ a: [later], b: [OK] })
  const answer = ask({ isIdempotent: true })
  const waited = new Promise(resolve => setTimeout(resolve, 50, 'waits'))
  assert.deepEqual([await Promise.race([answer, waited]), nodesAsked()], ['waits', 'a'])
  call.end(new UpstreamFailure('aborted'))
  await answer
})

test('what was wrong with the end of a hedged call is known of the call itself', async () => {
  const answer: UpstreamResponse = {
    ...OK,
    whenOver: listener => setImmediate(listener, { grpcStatus: 14, isBroken: true }),
  }
  const { ask, call } = setUp({ a: [answer] }, { hedge: { afterMs: 1_000 } })
  const forks: Call[] = []
  const fork = call.fork.bind(call)
  call.fork = () => {
    forks.push(fork())
    return forks.at(-1)!
  }
  await ask({ isIdempotent: true, isStreaming: false })
  forks[0]!.failure = 'the node broke off'
  await until('it is over', () => call.failure === 'the node broke off')
})
