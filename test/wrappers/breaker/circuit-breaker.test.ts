import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import { FailingRequests } from '../../../internal/nodes/failing-requests.ts'
import type { BreakerState } from '../../../internal/nodes/peer.ts'
import type { UpstreamResponse } from '../../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { CircuitBreaker } from '../../../wrappers/breaker/circuit-breaker.ts'
import type {
  BreakerReason,
  CircuitBreakerOptions,
  Evidence,
} from '../../../wrappers/breaker/circuit-breaker-options.ts'
import { isFailureStatus } from '../../../wrappers/breaker/failures.ts'
import { CircuitOpenError } from '../../../wrappers/breaker/half-open.ts'
import { testRequest } from '../../support/route.ts'

const REQUEST = testRequest()
const call = new Call('id', 'GET', '/', 0)
const answer = (status: number): UpstreamResponse => ({
  status,
  headers: [],
  sendBody: () => {},
  discard: () => {},
})

function setUp(
  options: Partial<CircuitBreakerOptions> = {},
  mayOpen?: (evidence: Evidence) => boolean,
  failing?: FailingRequests,
) {
  const states: BreakerState[] = []
  const reasons: BreakerReason[] = []
  let onState = () => {}
  const settings = { failureRatio: 0.5, minimumRequests: 10, windowMs: 60_000, openMs: 20, ...options }
  const onChange = (state: BreakerState, reason: BreakerReason) => {
    states.push(state)
    reasons.push(reason)
    onState()
  }
  const breaker = new CircuitBreaker(() => settings, { onChange, ...(mayOpen && { mayOpen }) }, failing)
  const fire = (outcome: () => Promise<UpstreamResponse>) => breaker.fire(outcome, REQUEST, call)
  const succeed = () => fire(async () => answer(200))
  const fail = (kind: FailureKind = 'connect') =>
    fire(async () => {
      throw new UpstreamFailure(kind)
    }).catch(error => error as unknown)
  return {
    breaker,
    settings,
    states,
    reasons,
    fire,
    succeed,
    fail,
    async open() {
      while (breaker.state === 'closed') await fail()
    },
    until: (state: BreakerState) =>
      new Promise<void>(resolve => {
        onState = () => {
          if (breaker.state === state) resolve()
        }
        onState()
      }),
  }
}

test('half of ten tries failing opens the breaker, and one failure fewer does not', async () => {
  for (const [failures, expected] of [
    [4, 'closed'],
    [5, 'open'],
  ] as const) {
    const { breaker, succeed, fail } = setUp()
    for (let i = 0; i < 10 - failures; i++) await succeed()
    for (let i = 0; i < failures; i++) await fail()
    assert.equal(breaker.state, expected)
    breaker.close()
  }
})

test('tries that began before the breaker opened do not open it again when they end after it has closed', async () => {
  const { breaker, states, fire, succeed, fail, open } = setUp()
  const end = Promise.withResolvers<UpstreamResponse>()
  const pending = Array.from({ length: 20 }, () => fire(() => end.promise).catch(() => {}))
  await open()
  breaker.recover()
  end.reject(new UpstreamFailure('timeout'))
  await Promise.all(pending)
  assert.deepEqual([breaker.state, states, breaker.failed], ['closed', ['open', 'closed'], 0])
  // Those that begin now count.
  await succeed()
  for (let i = 0; i < 9; i++) await fail()
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('below minimumRequests it never opens', async () => {
  const { breaker, fail } = setUp()
  for (let i = 0; i < 9; i++) await fail()
  assert.equal(breaker.state, 'closed')
  await fail()
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('failures older than the window do not count', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { breaker, fail } = setUp({ windowMs: 63_000 })
  for (let i = 0; i < 9; i++) await fail('reset')
  t.mock.timers.tick(63_000)
  await fail('reset')
  assert.equal(breaker.state, 'closed')
  for (let i = 0; i < 9; i++) await fail('reset')
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('ten consecutive tries without a connection open it, however many good answers came before', async () => {
  const { breaker, succeed, fail } = setUp()
  for (let i = 0; i < 1_000; i++) await succeed()
  for (let i = 0; i < 9; i++) await fail('connect')
  await succeed()
  for (let i = 0; i < 9; i++) await fail('connect')
  await fail('reset')
  for (let i = 0; i < 9; i++) await fail('connect')
  await fail('aborted')
  assert.equal(breaker.state, 'closed')
  await fail('connect')
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('five consecutive tries that were not answered in time open it, however many good answers came before', async () => {
  const { breaker, succeed, fail, reasons } = setUp()
  for (let i = 0; i < 1_000; i++) await succeed()
  for (let i = 0; i < 4; i++) await fail('timeout')
  await succeed()
  for (let i = 0; i < 4; i++) await fail('timeout')
  await fail('reset')
  for (let i = 0; i < 4; i++) await fail('timeout')
  assert.equal(breaker.state, 'closed')
  await fail('timeout')
  assert.deepEqual([breaker.state, reasons], ['open', ['no answer']])
  breaker.close()
})

test('with a larger minimumRequests, more tries may go unanswered', async () => {
  const { breaker, succeed, fail } = setUp({ minimumRequests: 1_000 })
  for (let i = 0; i < 1_000; i++) await succeed()
  for (let i = 0; i < 499; i++) await fail('timeout')
  assert.equal(breaker.state, 'closed')
  await fail('timeout')
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('a node that hangs stays in use when the limit of ejections is reached', async () => {
  const asked: Evidence[] = []
  const { breaker, succeed, fail } = setUp({}, evidence => {
    asked.push(evidence)
    return false
  })
  for (let i = 0; i < 1_000; i++) await succeed()
  for (let i = 0; i < 5; i++) await fail('timeout')
  assert.deepEqual([breaker.state, asked], ['closed', ['hangs']])
  breaker.close()
})

test('it closes at once when a health check finds the node healthy', async () => {
  const { breaker, open, succeed, reasons } = setUp({ openMs: 60_000 })
  breaker.recover()
  await open()
  breaker.recover()
  assert.deepEqual([breaker.state, reasons.at(-1)], ['closed', 'check passed'])
  await succeed()
  assert.equal(reasons.length, 2)
  breaker.close()
})

test('only failures that are the node’s count', async () => {
  const table: Readonly<Record<FailureKind, BreakerState>> = {
    connect: 'open',
    refused: 'closed',
    reset: 'open',
    timeout: 'open',
    invalid: 'open',
    hung: 'closed',
    unsendable: 'closed',
    aborted: 'closed',
  }
  for (const [kind, expected] of Object.entries(table)) {
    const { breaker, fail } = setUp()
    for (let i = 0; i < 20; i++) await fail(kind as FailureKind)
    assert.equal(breaker.state, expected, kind)
    breaker.close()
  }
})

test('an answer with a failure status counts against the node and is passed on', async () => {
  const { breaker, fire } = setUp()
  for (let i = 0; i < 10; i++) assert.equal((await fire(async () => answer(503))).status, 503)
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('statuses that the client causes are no failures', () => {
  for (const status of [200, 204, 304, 400, 404, 429, 499, 501, 505])
    assert.ok(!isFailureStatus(status), `${status}`)
  for (const status of [500, 502, 503, 504, 599]) assert.ok(isFailureStatus(status), `${status}`)
})

test('an open breaker refuses without trying the node, and says for how long', async () => {
  const { breaker, open, fire, states } = setUp({ openMs: 60_000 })
  await open()
  let asked = false
  const refused = fire(async () => {
    asked = true
    return answer(200)
  })
  await assert.rejects(refused, CircuitOpenError)
  assert.equal(asked, false)
  assert.equal(breaker.admits(), false)
  assert.ok(breaker.retryInMs > 59_000 && breaker.retryInMs <= 60_000)
  assert.deepEqual(states, ['open'])
  breaker.close()
})

test('half-open, it lets exactly one of a hundred concurrent calls through', async () => {
  const { breaker, open, until, fire } = setUp()
  await open()
  await until('half-open')
  assert.equal(breaker.retryInMs, 0)
  let asked = 0
  const outcomes = await Promise.allSettled(
    Array.from({ length: 100 }, () =>
      fire(async () => {
        asked++
        return answer(200)
      }),
    ),
  )
  assert.equal(asked, 1)
  assert.equal(outcomes.filter(outcome => outcome.status === 'fulfilled').length, 1)
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof CircuitOpenError)
  }
  assert.equal(breaker.state, 'closed')
  breaker.close()
})

test('it admits no other call while the probe is in flight', async () => {
  const { breaker, open, until, fire } = setUp()
  await open()
  await until('half-open')
  assert.equal(breaker.admits(), true)
  const { promise, resolve } = Promise.withResolvers<UpstreamResponse>()
  const probe = fire(() => promise)
  assert.equal(breaker.admits(), false)
  resolve(answer(200))
  await probe
  assert.equal(breaker.admits(), true)
  breaker.close()
})

test('a good probe closes it and the window starts empty', async () => {
  const { breaker, open, until, succeed, fail, states } = setUp()
  await open()
  await until('half-open')
  await succeed()
  assert.equal(breaker.state, 'closed')
  // If the old failures still counted, the first new one would open it again.
  for (let i = 0; i < 9; i++) await fail()
  assert.deepEqual(states, ['open', 'half-open', 'closed'])
  await fail()
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('a failed probe opens it again, whether it brought no answer or a failure status', async () => {
  for (const outcome of [
    async () => answer(500),
    async () => {
      throw new UpstreamFailure('reset')
    },
  ]) {
    const { breaker, open, until, fire, states } = setUp()
    await open()
    await until('half-open')
    await fire(outcome).catch(() => {})
    assert.deepEqual(states, ['open', 'half-open', 'open'])
    breaker.close()
  }
})

test('a client that leaves during the probe neither closes the breaker nor leaves it waiting', async () => {
  const { breaker, open, until, fail, succeed, states } = setUp()
  await open()
  await until('half-open')
  await fail('aborted')
  assert.deepEqual(states, ['open', 'half-open', 'open'])
  await until('half-open')
  await succeed()
  assert.equal(breaker.state, 'closed')
  breaker.close()
})

test('a slow answer to an earlier call never leaves it without a probe', async () => {
  const { breaker, open, until, fire, succeed, states } = setUp()
  const late = Promise.withResolvers<UpstreamResponse>()
  const earlier = fire(() => late.promise)
  await open()
  await until('half-open')
  const { promise, resolve } = Promise.withResolvers<UpstreamResponse>()
  const probe = fire(() => promise)
  late.reject(new UpstreamFailure('aborted'))
  await assert.rejects(earlier)
  resolve(answer(200))
  await probe
  if (breaker.state !== 'closed') {
    await until('half-open')
    await succeed()
  }
  assert.equal(breaker.state, 'closed')
  assert.equal(states.at(-1), 'closed')
  breaker.close()
})

test('a probe from before the breaker closed and opened again decides nothing', async () => {
  for (const end of ['failure', 'good answer'] as const) {
    const { breaker, open, until, fire, states } = setUp()
    await open()
    await until('half-open')
    const older = Promise.withResolvers<UpstreamResponse>()
    const olderProbe = fire(() => older.promise)
    breaker.recover()
    await open()
    await until('half-open')
    const newer = Promise.withResolvers<UpstreamResponse>()
    const newerProbe = fire(() => newer.promise)
    if (end === 'failure') older.reject(new UpstreamFailure('reset'))
    else older.resolve(answer(200))
    await olderProbe.catch(error => assert.ok(error instanceof UpstreamFailure))
    assert.equal(breaker.state, 'half-open', end)
    newer.resolve(answer(200))
    await newerProbe
    assert.deepEqual(states, ['open', 'half-open', 'closed', 'open', 'half-open', 'closed'], end)
    breaker.close()
  }
})

test('a breaker that was disposed of refuses further calls', async () => {
  const { breaker, succeed } = setUp()
  breaker.close()
  await assert.rejects(succeed(), CircuitOpenError)
})

test('ten thousand breakers that came and went leave no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  for (let i = 0; i < 10_000; i++) {
    const { breaker, fail } = setUp({ minimumRequests: 1, openMs: 60_000, windowMs: 61_000 })
    // Some also have the timer of an open breaker.
    if (i % 100 === 0) await fail()
    breaker.close()
  }
  assert.equal(timers(), before)
})

test('a thousand breakers share one timer', () => {
  const timers: unknown[] = []
  const { setInterval: original } = globalThis
  globalThis.setInterval = ((...args: Parameters<typeof setInterval>) => {
    timers.push(args)
    return original(...args)
  }) as typeof setInterval
  try {
    const breakers = Array.from({ length: 1_000 }, () => setUp({ windowMs: 62_000 }).breaker)
    assert.equal(timers.length, 1)
    for (const breaker of breakers) breaker.close()
  } finally {
    globalThis.setInterval = original
  }
})

test('with each failed probe it stays open twice as long, up to maxOpenMs, and starts again once closed', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { breaker, open, succeed, fail } = setUp({ openMs: 100, maxOpenMs: 350 })
  for (const openMs of [100, 200, 350, 350]) {
    if (breaker.state === 'closed') await open()
    t.mock.timers.tick(openMs - 1)
    assert.equal(breaker.state, 'open', `${openMs} ms are not over`)
    t.mock.timers.tick(1)
    assert.equal(breaker.state, 'half-open', `${openMs} ms are over`)
    await fail('reset')
    assert.equal(breaker.state, 'open')
  }
  t.mock.timers.tick(350)
  await succeed()
  await open()
  t.mock.timers.tick(100)
  assert.equal(breaker.state, 'half-open')
  breaker.close()
})

test('a client that leaves during the probe does not prolong the open time', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { breaker, open, fail, reasons } = setUp({ openMs: 100, maxOpenMs: 1_000 })
  await open()
  for (let i = 0; i < 3; i++) {
    t.mock.timers.tick(100)
    assert.equal(breaker.state, 'half-open')
    await fail('aborted')
  }
  assert.equal(reasons.at(-1), 'probe aborted')
  breaker.close()
})

test('it reports why it changed', async () => {
  const ratio = setUp()
  for (let i = 0; i < 10; i++) await ratio.fail('reset')
  await ratio.until('half-open')
  await ratio.fail('reset')
  await ratio.until('half-open')
  await ratio.succeed()
  assert.deepEqual(ratio.reasons, [
    'too many failures',
    'open time elapsed',
    'probe failed',
    'open time elapsed',
    'probe succeeded',
  ])
  const dead = setUp()
  await dead.open()
  assert.deepEqual(dead.reasons, ['no connection'])
  assert.equal(dead.breaker.isUnreachable, true)
  const gone = setUp()
  for (let i = 0; i < 6; i++) await gone.succeed()
  for (let i = 0; i < 6; i++) await gone.fail('connect')
  assert.deepEqual(gone.reasons, ['no connection'], 'also if it answered well until then')
  assert.equal(gone.breaker.isUnreachable, true)
  const slow = setUp({ slowCallMs: 1 })
  for (let i = 0; i < 10; i++) {
    await slow.fire(async () => {
      const from = performance.now()
      while (performance.now() - from <= 2);
      return answer(200)
    })
  }
  assert.deepEqual(slow.reasons, ['too many slow calls'])
  for (const { breaker } of [ratio, dead, slow]) breaker.close()
})

test('the failure statuses are configurable', async () => {
  const { breaker, fire } = setUp({ statuses: [429] })
  for (let i = 0; i < 20; i++) await fire(async () => answer(500))
  assert.equal(breaker.state, 'closed')
  for (let i = 0; i < 20; i++) assert.equal((await fire(async () => answer(429))).status, 429)
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('changed settings apply from the next try on', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { breaker, settings, succeed, fail } = setUp({ failureRatio: 1, windowMs: 63_000 })
  for (let i = 0; i < 10; i++) await succeed()
  for (let i = 0; i < 10; i++) await fail('reset')
  assert.equal(breaker.state, 'closed')
  settings.failureRatio = 0.5
  settings.windowMs = 6_000
  await fail('reset')
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('it does not open for failures when it may not, but still opens without connections', async () => {
  const asked: Evidence[] = []
  const { breaker, succeed, fail } = setUp({}, evidence => {
    asked.push(evidence)
    return false
  })
  await succeed()
  for (let i = 0; i < 30; i++) await fail('reset')
  assert.equal(breaker.state, 'closed')
  assert.deepEqual(new Set(asked), new Set(['fails often']))
  for (let i = 0; i < 10; i++) await fail('connect')
  assert.equal(breaker.state, 'open')
  breaker.close()
})

test('a node whose answers are slow is not useless; a node whose answers are all failures is', async () => {
  for (const [status, expected] of [
    [200, 'fails often'],
    [500, 'fails always'],
  ] as const) {
    const asked: Evidence[] = []
    const { breaker, fire } = setUp({ slowCallMs: 1 }, evidence => {
      asked.push(evidence)
      return false
    })
    for (let i = 0; i < 10; i++) {
      await fire(async () => {
        const from = performance.now()
        while (performance.now() - from <= 2);
        return answer(status)
      })
    }
    assert.deepEqual(asked, [expected])
    breaker.close()
  }
})

test('a node that hangs for every request of the window is ejected although the limit of ejections is reached', async () => {
  const { breaker, fail, reasons } = setUp({}, () => false)
  for (let i = 0; i < 9; i++) await fail('timeout')
  assert.equal(breaker.state, 'closed')
  await fail('timeout')
  assert.deepEqual([breaker.state, reasons], ['open', ['no answer']])
  breaker.close()
})

test('a failed probe closes it when it may not stay open, unless the node took no connection or did not answer', async () => {
  for (const [outcome, expected] of [
    [async () => answer(500), 'closed'],
    [() => Promise.reject(new UpstreamFailure('reset')), 'closed'],
    [() => Promise.reject(new UpstreamFailure('invalid')), 'closed'],
    [() => Promise.reject(new UpstreamFailure('timeout')), 'open'],
    [() => Promise.reject(new UpstreamFailure('connect')), 'open'],
  ] as const) {
    const { breaker, open, until, fire, reasons } = setUp({}, () => false)
    await open()
    await until('half-open')
    await fire(outcome).catch(() => {})
    assert.deepEqual(
      [breaker.state, reasons.at(-1)],
      [expected, expected === 'closed' ? 'no better node' : 'probe failed'],
    )
    breaker.close()
  }
})

test('it is readmitted after bad answers, and not without connections or answers, nor with ejectLastNode', async () => {
  for (const [kind, ejectLastNode, expected] of [
    ['reset', false, true],
    ['invalid', false, true],
    ['connect', false, false],
    ['timeout', false, false],
    ['reset', true, false],
  ] as const) {
    const { breaker, fail, reasons } = setUp({ openMs: 60_000, ejectLastNode })
    assert.equal(breaker.readmit(), false)
    for (let i = 0; i < 10; i++) await fail(kind)
    assert.equal(breaker.state, 'open')
    assert.equal(breaker.readmit(), expected, kind)
    assert.equal(breaker.state, expected ? 'closed' : 'open')
    if (expected) assert.equal(reasons.at(-1), 'no better node')
    breaker.close()
  }
})

test('failures of a request that fails on every node do not count, and neither does a probe with it', async () => {
  const failing = new FailingRequests()
  const { breaker, until, reasons } = setUp({}, undefined, failing)
  const other = setUp({}, undefined, failing)
  const ask = (at: CircuitBreaker, status: number, requestLine: string) =>
    at.fire(async () => ({ ...answer(status), requestLine }), REQUEST, call)
  for (let i = 0; i < 30; i++) await ask(i % 2 === 0 ? breaker : other.breaker, 500, `GET /broken?${i}`)
  assert.equal(breaker.state, 'closed')
  for (let i = 0; i < 8; i++) {
    await ask(breaker, 500, 'GET /list')
    await ask(other.breaker, 200, 'GET /list')
  }
  assert.equal(breaker.state, 'closed', 'nine failures count')
  await ask(breaker, 500, 'GET /list')
  assert.equal(breaker.state, 'open')
  await until('half-open')
  await ask(breaker, 500, 'GET /broken?again')
  assert.deepEqual([breaker.state, reasons.at(-1)], ['open', 'probe aborted'])
  await until('half-open')
  await ask(breaker, 500, 'GET /list')
  assert.equal(reasons.at(-1), 'probe failed')
  assert.equal(other.breaker.state, 'closed')
  breaker.close()
  other.breaker.close()
})

test('with ejectLastNode, failures of a request that fails everywhere count', async () => {
  const { breaker, fire } = setUp({ ejectLastNode: true })
  for (let i = 0; i < 10; i++) await fire(async () => ({ ...answer(500), requestLine: 'GET /broken' }))
  assert.equal(breaker.state, 'open')
  breaker.close()
})
