import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GradientLimit } from '../../../wrappers/limit/gradient-limit.ts'
import { seededRandom } from '../../support/random.ts'
import { Simulation } from '../../support/simulated-service.ts'

const TIMES: Readonly<Record<string, (random: () => number) => number>> = {
  'always the same time': () => 1,
  'a time of half to one and a half': random => 0.5 + random(),
  'mostly half, now and then more than five times as long': random => (random() < 0.9 ? 0.5 : 5.5),
}

/** Simulates a service with a number of workers behind an adaptive limit. */
function scene(
  workers: number,
  serviceMs: number,
  { times = TIMES['always the same time']!, seed = workers } = {},
) {
  const random = seededRandom(seed)
  const limit = new GradientLimit(1_000, 0)
  const service = { workers, ms: serviceMs, serviceMs: () => service.ms * times(random) }
  const simulation = new Simulation(service, limit, random)
  const perSecond = () => (1_000 * service.workers) / service.ms
  return {
    limit,
    service,
    /** Runs for a number of seconds. @param load a multiple of the capacity of the service */
    run(seconds: number, load: number) {
      const results = Array.from({ length: seconds }, () => simulation.second(load * perSecond()))
      const answered = results.reduce((sum, each) => sum + each.answered, 0)
      const arrived = results.reduce((sum, each) => sum + each.arrived, 0)
      return {
        /** Answers as a share of the capacity of the service, or of the requests if those are fewer. */
        goodput: answered / Math.min(arrived, seconds * perSecond()),
        /** The time of an answer in the last second, as a multiple of the time that the service needs. */
        slowness: results.at(-1)!.meanMs / service.ms,
      }
    },
  }
}

for (const [what, times] of Object.entries(TIMES)) {
  for (const [workers, serviceMs] of [
    [12, 50],
    [30, 30],
    [100, 30],
  ] as const) {
    test(`finds the capacity of ${workers} workers that take ${what}, ${serviceMs} ms, and keeps it`, () => {
      const { run } = scene(workers, serviceMs, { times })
      assert.ok(run(5, 0.7).goodput > 0.85, 'nearly nothing is refused without overload, even at first')
      assert.ok(run(5, 0.7).goodput > 0.99, 'later nothing is refused')
      run(5, 3)
      const overload = run(60, 3)
      assert.ok(overload.goodput > 0.94, `${overload.goodput} of the capacity is used`)
      assert.ok(overload.slowness < 2.5, `answers take ${overload.slowness} times as long as they need`)
      run(1, 0.7)
      const after = run(3, 0.7)
      assert.ok(after.goodput > 0.97, 'and nothing is refused afterwards')
      assert.ok(after.slowness < 1.2)
    })
  }
}

test('a service of many workers is not throttled while its capacity is being found', () => {
  const { run } = scene(300, 50)
  assert.ok(run(2, 0.7).goodput > 0.75)
  assert.ok(run(5, 0.7).goodput > 0.99)
})

test('waiting for a slow event loop is not taken for waiting in the service', () => {
  const random = seededRandom(3)
  let turnMs = 0
  const limit = new GradientLimit(1_000, 0, () => turnMs)
  const simulation = new Simulation({ workers: 1_000, serviceMs: () => 1 + turnMs * random() }, limit, random)
  for (let i = 0; i < 5; i++) simulation.second(7_000)
  for (let i = 0; i < 9; i++) {
    // Only now and then, so that it does not become the shortest time.
    turnMs = i % 3 === 0 ? 40 : 0
    const { arrived, answered } = simulation.second(7_000)
    assert.ok(answered > 0.95 * arrived, `${answered} of ${arrived}`)
  }
})

test('starts in the middle of an overload and comes down to the capacity of the service', () => {
  const { run } = scene(30, 30)
  assert.ok(run(10, 3).goodput > 0.85)
  const settled = run(10, 3)
  assert.ok(settled.goodput > 0.95)
  assert.ok(settled.slowness < 2)
})

test('follows a service that becomes twice as slow, and one that becomes twice as fast', () => {
  const { run, service } = scene(30, 30)
  run(10, 3)
  service.ms *= 2
  assert.ok(run(5, 3).goodput > 0.7, 'the change is found within seconds')
  const slow = run(30, 3)
  assert.ok(slow.goodput > 0.94 && slow.slowness < 2)
  service.ms /= 2
  assert.ok(run(5, 3).goodput > 0.7)
  run(10, 3)
  const fast = run(30, 3)
  assert.ok(fast.goodput > 0.94 && fast.slowness < 2)
})

test('little is lost while it finds that a service has become twice as slow', () => {
  const goodputs = [1, 2, 3, 4, 5, 6].map(seed => {
    const { run, service } = scene(30, 30, { seed })
    run(5, 0.7)
    run(60, 3)
    service.ms *= 2
    return run(5, 3).goodput
  })
  const mean = goodputs.reduce((sum, each) => sum + each, 0) / goodputs.length
  assert.ok(mean > 0.89, `${goodputs}`)
})

test('follows a service that loses three of four workers', () => {
  const { run, service } = scene(100, 30)
  run(10, 3)
  service.workers = 25
  run(5, 3)
  const { goodput, slowness } = run(30, 3)
  assert.ok(goodput > 0.94 && slowness < 2.2, `${goodput}, ${slowness}`)
})

test('does not grow while its capacity is not used', () => {
  const { run, limit } = scene(300, 50)
  run(60, 0.05)
  assert.equal(limit.limit, 100)
})

test('never exceeds its maximum, nor falls below 1', () => {
  const random = seededRandom(5)
  const limit = new GradientLimit(40, 0)
  let least = Number.POSITIVE_INFINITY
  for (let now = 0; now < 200_000; now += 5) {
    limit.began(Math.ceil(random() * limit.limit), now)
    limit.answered(now - 10 ** (4 * random()), now)
    assert.ok(Number.isInteger(limit.limit) && limit.limit >= 1 && limit.limit <= 40)
    least = Math.min(least, limit.limit)
  }
  assert.ok(least <= 2)
  limit.max = 1
  assert.equal(limit.limit, 1)
})

test('a probe that gets no answers is given up', () => {
  const { limit, run } = scene(30, 30)
  run(5, 3)
  const before = limit.limit
  let now = 5_000
  // Answers take ten times as long until it probes with half the limit; then none come.
  while (limit.limit > before / 3 && now < 30_000) {
    limit.began(limit.limit, now)
    limit.answered(now - 600, now)
    now += 2
  }
  const held = limit.limit
  limit.began(held, now)
  limit.began(held, now + 60_000)
  assert.ok(limit.limit > held)
})
