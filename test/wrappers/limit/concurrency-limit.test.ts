import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { GatewayError } from '../../../internal/http/errors.ts'
import type { UpstreamResponse } from '../../../internal/upstream.ts'
import { UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { createFallback } from '../../../wrappers/fallback/fallback.ts'
import {
  createConcurrencyLimit,
  type OverloadChange,
  ServiceLimits,
} from '../../../wrappers/limit/concurrency-limit.ts'
import type { ServiceLimitSettings } from '../../../wrappers/limit/service-limiter.ts'
import { testRequest, testRoute } from '../../support/route.ts'
import { until } from '../../support/until.ts'

/** Longer than any test takes. */
const LONG_MS = 60_000
const SETTINGS: ServiceLimitSettings = {
  concurrent: 2,
  adaptive: false,
  max: 1_000,
  queue: 1,
  queueMs: LONG_MS,
}

/** A service behind a limit, which answers when the test says so. */
function scene(settings: Partial<ServiceLimitSettings> = {}, now = () => performance.now()) {
  const changes: OverloadChange[] = []
  const limits = new ServiceLimits({ onChange: change => changes.push(change), now })
  const use = (more: Partial<ServiceLimitSettings>) =>
    limits.configure(true, service =>
      service === 'user' ? { ...SETTINGS, ...settings, ...more } : undefined,
    )
  use({})
  const sent: {
    call: Call
    service: string
    answer: (status?: number) => void
    fail: (error: Error) => void
  }[] = []
  const upstream = createFallback()(
    createConcurrencyLimit(limits)((request, call) => {
      const { promise, resolve, reject } = Promise.withResolvers<UpstreamResponse>()
      const answer = (status = 200) => resolve({ status, headers: [], sendBody() {}, discard() {} })
      sent.push({ call, service: request.service, answer, fail: reject })
      call.current = { cancel: reject }
      return promise
    }),
  )
  let calls = 0
  return {
    limits,
    changes,
    sent,
    use,
    limiter: limits.of('user')!,
    ask(values: Parameters<typeof testRequest>[0] = {}) {
      const call = new Call(`id-${calls++}`, 'GET', '/', performance.now())
      const outcome = upstream(testRequest(values), call).then(
        response => response.status,
        error => (error instanceof GatewayError ? error.code : (error as UpstreamFailure).kind),
      )
      /** Ends the call, as at the end of its answer or when its client leaves. */
      const close = () => {
        call.end(new UpstreamFailure('aborted'))
        call.limiter?.release(call)
      }
      return { call, outcome, close }
    },
  }
}

const settled = () => new Promise(resolve => setImmediate(resolve))

test('requests beyond the limit wait for a slot, and requests beyond the queue are refused at once', async () => {
  const { ask, sent, limiter } = scene()
  const [a, b, c, d] = [ask(), ask(), ask(), ask()]
  assert.equal(await d.outcome, 'WG_OVERLOADED')
  assert.deepEqual([sent.length, limiter.inFlight, limiter.queued, limiter.refused], [2, 2, 1, 1])
  sent[0]!.answer()
  assert.equal(await a.outcome, 200)
  assert.equal(sent.length, 2, 'the slot is held until the answer has ended')
  a.close()
  await settled()
  assert.equal(sent[2]!.call, c.call)
  sent[2]!.answer()
  sent[1]!.answer()
  assert.deepEqual([await b.outcome, await c.outcome], [200, 200])
  b.close()
  c.close()
  assert.deepEqual([limiter.inFlight, limiter.queued], [0, 0])
})

test('the request that has waited longest is served first', async () => {
  const { ask, sent } = scene({ concurrent: 1, queue: 3 })
  const calls = [ask(), ask(), ask(), ask()]
  for (const [index, { call, close }] of calls.entries()) {
    assert.equal(sent[index]?.call, call)
    close()
    await settled()
  }
})

test('a request that gets no slot in time is refused with Retry-After', async () => {
  const { ask, limiter } = scene({ queueMs: 5 })
  ask()
  ask()
  const { call, outcome } = ask()
  assert.equal(await outcome, 'WG_OVERLOADED')
  assert.deepEqual([limiter.queued, limiter.refused, call.current], [0, 1, undefined])
  const refused = await limiter.pass(() => assert.fail('sent'), testRequest(), call).catch(error => error)
  assert.deepEqual(refused.headers, { 'retry-after': '1' })
})

test('waiting requests whose times end one after the other are all refused', async () => {
  const { ask, sent } = scene({ queue: 50, queueMs: 20 })
  ask()
  ask()
  const first = ask()
  await new Promise(resolve => setTimeout(resolve, 10))
  const second = ask()
  assert.deepEqual(await Promise.all([first.outcome, second.outcome]), ['WG_OVERLOADED', 'WG_OVERLOADED'])
  assert.equal(sent.length, 2)
})

test('a waiting client that leaves frees its place in the queue, and does not count as refused', async () => {
  const { ask, limiter, sent } = scene()
  const [a] = [ask(), ask()]
  const gone = ask()
  gone.close()
  assert.equal(await gone.outcome, 'aborted')
  const next = ask()
  assert.deepEqual([limiter.queued, limiter.refused], [1, 0])
  a!.close()
  await settled()
  assert.equal(sent[2]?.call, next.call)
})

test('a waiting request whose deadline passes is refused as overload, not as a timeout', async () => {
  const { ask, limiter } = scene()
  ask()
  ask()
  const { call, outcome } = ask()
  call.end(new UpstreamFailure('timeout'))
  assert.equal(await outcome, 'WG_OVERLOADED')
  assert.equal(limiter.refused, 1)
})

test('a request without an answer frees its slot at once, and only once', async () => {
  const { ask, sent, limiter } = scene()
  const { outcome, close } = ask()
  sent[0]!.fail(new UpstreamFailure('connect'))
  assert.equal(await outcome, 'connect')
  assert.equal(limiter.inFlight, 0)
  close()
  assert.equal(limiter.inFlight, 0)
  const left = ask()
  left.close()
  assert.equal(await left.outcome, 'aborted')
  assert.equal(limiter.inFlight, 0)
})

test('a refusal triggers the fallback, whose service has its own limit or none', async () => {
  const { ask, sent } = scene({ concurrent: 1, queue: 0 })
  ask()
  const fixed = { type: 'static', status: 202, headers: {}, body: '' } as const
  assert.equal(await ask({ route: testRoute({ fallback: fixed }) }).outcome, 202)
  const other = ask({ route: testRoute({ fallback: { type: 'service', service: 'task' } }) })
  await settled()
  assert.deepEqual([sent[1]?.service, other.call.degraded], ['task', true])
})

test('a new limit applies to the next request, admits waiting ones, and keeps counting those in flight', async () => {
  const { ask, sent, limiter, limits, use } = scene()
  for (let i = 0; i < 3; i++) ask()
  use({ concurrent: 3 })
  await settled()
  assert.deepEqual([sent.length, limiter.inFlight], [3, 3])
  use({ concurrent: 1, queue: 0 })
  assert.equal(await ask().outcome, 'WG_OVERLOADED')
  use({ adaptive: true, concurrent: null })
  assert.deepEqual(
    [limits.of('user')!.kind, limits.of('user')!.limit, limiter.inFlight],
    ['adaptive', 100, 3],
  )
})

test('a shorter wait for a slot holds for requests behind those that wait already, and for those', async () => {
  const { ask, use, limiter } = scene({ concurrent: 1, queue: 3 })
  ask()
  const before = ask()
  use({ queueMs: 20 })
  const behind = ask()
  await until('none waits', () => limiter.queued === 0)
  assert.deepEqual(await Promise.all([before.outcome, behind.outcome]), ['WG_OVERLOADED', 'WG_OVERLOADED'])
})

test('when the limit is removed, all waiting requests are admitted, and none is counted', async () => {
  const { ask, sent, limits } = scene({ queue: 9 })
  for (let i = 0; i < 5; i++) ask()
  assert.equal(sent.length, 2)
  limits.configure(false, () => undefined)
  await settled()
  assert.equal(sent.length, 5)
  assert.deepEqual([...limits], [])
  assert.equal(ask().call.limiter, undefined)
})

test('an adaptive limit learns from good answers only', async () => {
  const limitAfter = async (status: number) => {
    let now = 0
    const { ask, sent, limiter } = scene({ concurrent: null, adaptive: true }, () => now)
    for (let round = 0; round < 100; round++) {
      const calls = Array.from({ length: 60 }, () => ask())
      now += 5
      for (const { answer } of sent.splice(0)) answer(status)
      await Promise.all(calls.map(({ outcome }) => outcome))
      for (const { close } of calls) close()
    }
    return limiter.limit
  }
  assert.ok((await limitAfter(200)) > 100)
  // Fast failures would look like a service with unlimited capacity.
  assert.equal(await limitAfter(503), 100)
})

test('long answers that hold all slots of an adaptive limit leave two to learn from, up to its maximum', async () => {
  const { ask, sent, limiter, use } = scene({ concurrent: null, adaptive: true, max: 103 })
  const begun: Promise<unknown>[] = []
  for (let i = 0; i < 100; i++) begun.push(ask().outcome)
  for (const { answer } of sent) answer()
  await Promise.all(begun)
  const [a, b, c] = [ask(), ask(), ask()]
  await settled()
  assert.deepEqual([limiter.limit, limiter.inFlight, limiter.queued], [100, 102, 1])
  sent[100]!.answer()
  assert.equal(await a.outcome, 200)
  await settled()
  assert.deepEqual([limiter.inFlight, limiter.queued, sent.length], [103, 0, 103])
  for (const { answer } of sent) answer()
  assert.deepEqual([await b.outcome, await c.outcome], [200, 200])
  use({ queueMs: 0 })
  assert.equal(await ask().outcome, 'WG_OVERLOADED')
})

test('a call that has ended takes no slot', async () => {
  const { limiter, sent, ask } = scene()
  const { call } = ask()
  call.end(new UpstreamFailure('aborted'))
  await assert.rejects(
    limiter.pass(() => assert.fail('sent'), testRequest(), call),
    UpstreamFailure,
  )
  assert.deepEqual([limiter.inFlight, sent.length], [0, 1])
})

test('an overload is reported once when it begins, and once when nothing was refused for a while', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  let now = 0
  const { ask, changes, limits } = scene({ queue: 0 }, () => now)
  ask()
  ask()
  for (let i = 0; i < 5; i++) assert.equal(await ask().outcome, 'WG_OVERLOADED')
  assert.equal(changes.length, 1)
  assert.deepEqual(
    [changes[0]!.isOverloaded, 'reason' in changes[0]! && changes[0].reason],
    [true, 'the queue is full'],
  )
  now = 2_999
  t.mock.timers.tick(500)
  assert.equal(changes.length, 1)
  now = 3_000
  t.mock.timers.tick(500)
  const [, over] = changes
  assert.ok(over && !over.isOverloaded)
  assert.equal(over.refused, 5)
  limits.close()
})

test('a request that is let in and whose client leaves in the same turn is not sent, and frees its slot', async () => {
  const { ask, sent, limiter } = scene({ concurrent: 1, queue: 2 })
  const [a, b, c] = [ask(), ask(), ask()]
  // One connection of HTTP/2 carries the first two, and breaks.
  a.close()
  b.close()
  assert.equal(await b.outcome, 'aborted')
  assert.deepEqual(
    sent.map(({ call }) => call.requestId),
    ['id-0', c.call.requestId],
  )
  c.close()
  await c.outcome
  assert.deepEqual([limiter.inFlight, limiter.queued], [0, 0])
})

test('a request whose deadline passes while it waits is not sent to the fallback service', async () => {
  const { ask, sent } = scene({ concurrent: 1 })
  ask()
  const waiting = ask({ route: testRoute({ fallback: { type: 'service', service: 'spare' } }) })
  waiting.call.end(new UpstreamFailure('timeout'))
  assert.equal(await Promise.race([waiting.outcome, settled()]), 'WG_OVERLOADED')
  assert.equal(sent.length, 1)
})
