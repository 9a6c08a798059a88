import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Call } from '../../../internal/call.ts'
import type { BreakerState } from '../../../internal/nodes/peer.ts'
import type { UpstreamResponse } from '../../../internal/upstream.ts'
import { type FailureKind, UpstreamFailure } from '../../../internal/upstream-failure.ts'
import { CircuitBreaker, isFailureStatus } from '../../../wrappers/breaker/circuit-breaker.ts'
import type {
  BreakerReason,
  CircuitBreakerOptions,
} from '../../../wrappers/breaker/circuit-breaker-options.ts'
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

function setUp(options: Partial<CircuitBreakerOptions> = {}, mayOpen?: (isUseless: boolean) => boolean) {
  const states: BreakerState[] = []
  const reasons: BreakerReason[] = []
  let onState = () => {}
  const settings = { failureRatio: 0.5, minimumRequests: 10, windowMs: 60_000, openMs: 20, ...options }
  const circuit = new CircuitBreaker(() => settings, {
    onChange: (state, reason) => {
      states.push(state)
      reasons.push(reason)
      onState()
    },
    ...(mayOpen && { mayOpen }),
  })
  const fire = (outcome: () => Promise<UpstreamResponse>) => circuit.fire(outcome, REQUEST, call)
  const succeed = () => fire(async () => answer(200))
  const fail = (kind: FailureKind = 'connect') =>
    fire(async () => {
      throw new UpstreamFailure(kind)
    }).catch(error => error as unknown)
  return {
    circuit,
    settings,
    states,
    reasons,
    fire,
    succeed,
    fail,
    async open() {
      while (circuit.state === 'closed') await fail()
    },
    until: (state: BreakerState) =>
      new Promise<void>(resolve => {
        onState = () => {
          if (circuit.state === state) resolve()
        }
        onState()
      }),
  }
}

test('half of ten failing is enough to open, and not one failure less', async () => {
  for (const [failures, expected] of [
    [4, 'closed'],
    [5, 'open'],
  ] as const) {
    const { circuit, succeed, fail } = setUp()
    for (let i = 0; i < 10 - failures; i++) await succeed()
    for (let i = 0; i < failures; i++) await fail()
    assert.equal(circuit.state, expected)
    circuit.close()
  }
})

test('below the least number of requests it never opens', async () => {
  const { circuit, fail } = setUp()
  for (let i = 0; i < 9; i++) await fail()
  assert.equal(circuit.state, 'closed')
  await fail()
  assert.equal(circuit.state, 'open')
  circuit.close()
})

test('failures older than the window do not count', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { circuit, fail } = setUp({ windowMs: 63_000 })
  for (let i = 0; i < 9; i++) await fail('reset')
  t.mock.timers.tick(63_000)
  await fail('reset')
  assert.equal(circuit.state, 'closed')
  for (let i = 0; i < 9; i++) await fail('reset')
  assert.equal(circuit.state, 'open')
  circuit.close()
})

test('ten tries in a row without a connection open it, however many good answers came before', async () => {
  const { circuit, succeed, fail } = setUp()
  for (let i = 0; i < 1_000; i++) await succeed()
  for (let i = 0; i < 9; i++) await fail('connect')
  await succeed()
  for (let i = 0; i < 9; i++) await fail('connect')
  await fail('reset')
  for (let i = 0; i < 9; i++) await fail('connect')
  await fail('aborted')
  assert.equal(circuit.state, 'closed')
  await fail('connect')
  assert.equal(circuit.state, 'open')
  circuit.close()
})

test('five tries in a row that nobody answered in time open it, however many good answers came before', async () => {
  const { circuit, succeed, fail, reasons } = setUp()
  for (let i = 0; i < 1_000; i++) await succeed()
  for (let i = 0; i < 4; i++) await fail('timeout')
  await succeed()
  for (let i = 0; i < 4; i++) await fail('timeout')
  await fail('reset')
  for (let i = 0; i < 4; i++) await fail('timeout')
  assert.equal(circuit.state, 'closed')
  await fail('timeout')
  assert.deepEqual([circuit.state, reasons], ['open', ['no answer']])
  circuit.close()
})

test('where more requests are asked for before the ratio counts, more of them may go unanswered', async () => {
  const { circuit, succeed, fail } = setUp({ minimumRequests: 1_000 })
  for (let i = 0; i < 1_000; i++) await succeed()
  for (let i = 0; i < 499; i++) await fail('timeout')
  assert.equal(circuit.state, 'closed')
  await fail('timeout')
  assert.equal(circuit.state, 'open')
  circuit.close()
})

test('a node that hangs stays in use where as many are left out as may be', async () => {
  const asked: boolean[] = []
  const { circuit, succeed, fail } = setUp({}, isUseless => {
    asked.push(isUseless)
    return false
  })
  for (let i = 0; i < 1_000; i++) await succeed()
  for (let i = 0; i < 5; i++) await fail('timeout')
  assert.deepEqual([circuit.state, asked], ['closed', [false]])
  circuit.close()
})

test('it closes at once when the node was found to be well by other means', async () => {
  const { circuit, open, succeed, reasons } = setUp({ openMs: 60_000 })
  circuit.recover()
  await open()
  circuit.recover()
  assert.deepEqual([circuit.state, reasons.at(-1)], ['closed', 'check passed'])
  await succeed()
  assert.equal(reasons.length, 2)
  circuit.close()
})

test('each kind of failure counts, and what says nothing of the node does not', async () => {
  const table: Readonly<Record<FailureKind, BreakerState>> = {
    connect: 'open',
    reset: 'open',
    timeout: 'open',
    invalid: 'open',
    hung: 'closed',
    unsendable: 'closed',
    aborted: 'closed',
  }
  for (const [kind, expected] of Object.entries(table)) {
    const { circuit, fail } = setUp()
    for (let i = 0; i < 20; i++) await fail(kind as FailureKind)
    assert.equal(circuit.state, expected, kind)
    circuit.close()
  }
})

test('an answer with a failure status counts against the node and is still the answer', async () => {
  const { circuit, fire } = setUp()
  for (let i = 0; i < 10; i++) assert.equal((await fire(async () => answer(503))).status, 503)
  assert.equal(circuit.state, 'open')
  circuit.close()
})

test('statuses that are the client’s affair are no failures', () => {
  for (const status of [200, 204, 304, 400, 404, 429, 499, 501, 505])
    assert.ok(!isFailureStatus(status), `${status}`)
  for (const status of [500, 502, 503, 504, 599]) assert.ok(isFailureStatus(status), `${status}`)
})

test('an open breaker refuses without asking the node, and says for how long', async () => {
  const { circuit, open, fire, states } = setUp({ openMs: 60_000 })
  await open()
  let asked = false
  const refused = fire(async () => {
    asked = true
    return answer(200)
  })
  await assert.rejects(refused, CircuitOpenError)
  assert.equal(asked, false)
  assert.equal(circuit.admits(), false)
  assert.ok(circuit.retryInMs > 59_000 && circuit.retryInMs <= 60_000)
  assert.deepEqual(states, ['open'])
  circuit.close()
})

test('half-open, exactly one of a hundred calls at once goes through', async () => {
  const { circuit, open, until, fire } = setUp()
  await open()
  await until('half-open')
  assert.equal(circuit.retryInMs, 0)
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
  assert.equal(circuit.state, 'closed')
  circuit.close()
})

test('it admits nobody else while the probe is on its way', async () => {
  const { circuit, open, until, fire } = setUp()
  await open()
  await until('half-open')
  assert.equal(circuit.admits(), true)
  const { promise, resolve } = Promise.withResolvers<UpstreamResponse>()
  const probe = fire(() => promise)
  assert.equal(circuit.admits(), false)
  resolve(answer(200))
  await probe
  assert.equal(circuit.admits(), true)
  circuit.close()
})

test('a good probe closes it and the window starts empty', async () => {
  const { circuit, open, until, succeed, fail, states } = setUp()
  await open()
  await until('half-open')
  await succeed()
  assert.equal(circuit.state, 'closed')
  // Were the old failures still counted, the first new one would open it again.
  for (let i = 0; i < 9; i++) await fail()
  assert.deepEqual(states, ['open', 'half-open', 'closed'])
  await fail()
  assert.equal(circuit.state, 'open')
  circuit.close()
})

test('a bad probe opens it again, whether there was no answer or a failure status', async () => {
  for (const outcome of [
    async () => answer(500),
    async () => {
      throw new UpstreamFailure('reset')
    },
  ]) {
    const { circuit, open, until, fire, states } = setUp()
    await open()
    await until('half-open')
    await fire(outcome).catch(() => {})
    assert.deepEqual(states, ['open', 'half-open', 'open'])
    circuit.close()
  }
})

test('a client that leaves during the probe neither closes the breaker nor leaves it waiting', async () => {
  const { circuit, open, until, fail, succeed, states } = setUp()
  await open()
  await until('half-open')
  await fail('aborted')
  assert.deepEqual(states, ['open', 'half-open', 'open'])
  await until('half-open')
  await succeed()
  assert.equal(circuit.state, 'closed')
  circuit.close()
})

test('an answer that comes late to an earlier call never leaves it without a probe', async () => {
  const { circuit, open, until, fire, succeed, states } = setUp()
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
  if (circuit.state !== 'closed') {
    await until('half-open')
    await succeed()
  }
  assert.equal(circuit.state, 'closed')
  assert.equal(states.at(-1), 'closed')
  circuit.close()
})

test('a closed circuit refuses what is still sent to it', async () => {
  const { circuit, succeed } = setUp()
  circuit.close()
  await assert.rejects(succeed(), CircuitOpenError)
})

test('ten thousand circuits that came and went leave no timer behind', async () => {
  const timers = () => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const before = timers()
  for (let i = 0; i < 10_000; i++) {
    const { circuit, fail } = setUp({ minimumRequests: 1, openMs: 60_000, windowMs: 61_000 })
    // Some have the timer of an open breaker, too.
    if (i % 100 === 0) await fail()
    circuit.close()
  }
  assert.equal(timers(), before)
})

test('a thousand circuits share one timer', () => {
  const timers: unknown[] = []
  const { setInterval: original } = globalThis
  globalThis.setInterval = ((...args: Parameters<typeof setInterval>) => {
    timers.push(args)
    return original(...args)
  }) as typeof setInterval
  try {
    const circuits = Array.from({ length: 1_000 }, () => setUp({ windowMs: 62_000 }).circuit)
    assert.equal(timers.length, 1)
    for (const circuit of circuits) circuit.close()
  } finally {
    globalThis.setInterval = original
  }
})

test('with each probe that fails it stays open twice as long, up to the longest, and begins anew once closed', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { circuit, open, succeed, fail } = setUp({ openMs: 100, maxOpenMs: 350 })
  for (const openMs of [100, 200, 350, 350]) {
    if (circuit.state === 'closed') await open()
    t.mock.timers.tick(openMs - 1)
    assert.equal(circuit.state, 'open', `${openMs} ms are not over`)
    t.mock.timers.tick(1)
    assert.equal(circuit.state, 'half-open', `${openMs} ms are over`)
    await fail('reset')
    assert.equal(circuit.state, 'open')
  }
  t.mock.timers.tick(350)
  await succeed()
  await open()
  t.mock.timers.tick(100)
  assert.equal(circuit.state, 'half-open')
  circuit.close()
})

test('a client that leaves during the probe does not make the time longer', async t => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { circuit, open, fail, reasons } = setUp({ openMs: 100, maxOpenMs: 1_000 })
  await open()
  for (let i = 0; i < 3; i++) {
    t.mock.timers.tick(100)
    assert.equal(circuit.state, 'half-open')
    await fail('aborted')
  }
  assert.equal(reasons.at(-1), 'probe aborted')
  circuit.close()
})

test('it says why it changed', async () => {
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
  assert.equal(dead.circuit.isUnreachable, true)
  const slow = setUp({ slowCallMs: 1 })
  for (let i = 0; i < 10; i++) {
    await slow.fire(async () => {
      const from = performance.now()
      while (performance.now() - from <= 2);
      return answer(200)
    })
  }
  assert.deepEqual(slow.reasons, ['too many slow calls'])
  for (const { circuit } of [ratio, dead, slow]) circuit.close()
})

test('which statuses count is for its user to say', async () => {
  const { circuit, fire } = setUp({ statuses: [429] })
  for (let i = 0; i < 20; i++) await fire(async () => answer(500))
  assert.equal(circuit.state, 'closed')
  for (let i = 0; i < 20; i++) assert.equal((await fire(async () => answer(429))).status, 429)
  assert.equal(circuit.state, 'open')
  circuit.close()
})

test('changed settings hold from the next try on', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { circuit, settings, succeed, fail } = setUp({ failureRatio: 1, windowMs: 63_000 })
  for (let i = 0; i < 10; i++) await succeed()
  for (let i = 0; i < 10; i++) await fail('reset')
  assert.equal(circuit.state, 'closed')
  settings.failureRatio = 0.5
  settings.windowMs = 6_000
  await fail('reset')
  assert.equal(circuit.state, 'open')
  circuit.close()
})

test('it does not open for failures when that may not be, and opens all the same without connections', async () => {
  const asked: boolean[] = []
  const { circuit, succeed, fail } = setUp({}, isUseless => {
    asked.push(isUseless)
    return false
  })
  await succeed()
  for (let i = 0; i < 30; i++) await fail('reset')
  assert.equal(circuit.state, 'closed')
  assert.deepEqual(new Set(asked), new Set([false]))
  for (let i = 0; i < 10; i++) await fail('connect')
  assert.equal(circuit.state, 'open')
  circuit.close()
})

test('a node whose answers are slow is not useless, one whose answers are all failures is', async () => {
  for (const [status, expected] of [
    [200, false],
    [500, true],
  ] as const) {
    const asked: boolean[] = []
    const { circuit, fire } = setUp({ slowCallMs: 1 }, isUseless => {
      asked.push(isUseless)
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
    circuit.close()
  }
})
