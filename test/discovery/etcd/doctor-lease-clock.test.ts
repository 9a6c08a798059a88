import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkLeases, type LeaseCalls } from '../../../discovery/etcd/doctor/lease-clock.ts'

interface World {
  /** Seconds that pass for etcd in one of ours. */
  readonly speed?: number
  readonly minTtl?: number
  /** How long an answer takes, by the number of the question. */
  readonly tripMs?: (question: number) => number
}

/** An etcd whose clock is not ours. */
function simulate({ speed = 1, minTtl = 1, tripMs = () => 1 }: World) {
  let now = 0
  let questions = 0
  const revoked: string[] = []
  let ttl = 0
  const calls: LeaseCalls = {
    async grant(seconds) {
      ttl = Math.max(seconds, minTtl)
      return { id: 'lease', ttlSeconds: ttl }
    },
    async remaining() {
      const trip = tripMs(questions++)
      now += trip / 2
      const left = ttl - (now / 1_000) * speed
      now += trip / 2
      return left <= 0 ? -1 : Math.floor(left)
    },
    async revoke(id) {
      revoked.push(id)
    },
  }
  const times = {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms
    },
    patienceMs: 3_000,
  }
  return { calls, times, revoked, elapsed: () => now }
}

test('a clock in step is ok, takes two seconds, and gives its lease back', async () => {
  const world = simulate({})
  const findings = await checkLeases(world.calls, world.times)
  assert.deepEqual(
    findings.map(({ level }) => level),
    ['ok'],
  )
  assert.deepEqual(world.revoked, ['lease'])
  assert.ok(world.elapsed() <= 2_200, String(world.elapsed()))
})

for (const [speed, told] of [
  [0.5, /leases expire too late/],
  [0.75, /leases expire too late/],
  [0.9, undefined],
  [1.15, undefined],
  [1.5, /leases expire too early/],
  [3, /leases expire too early/],
  [0, /leases expire too late/],
] as const) {
  test(`a clock that goes ${speed} times as fast is ${told ? 'a warning' : 'within what is allowed'}`, async () => {
    const world = simulate({ speed })
    const [finding] = await checkLeases(world.calls, { ...world.times, patienceMs: 6_000 })
    assert.equal(finding?.level, told ? 'warning' : 'ok')
    if (told) assert.match(finding?.message ?? '', told)
  })
}

test('slow answers make it less exact, never wrong', async () => {
  for (let slow = 0; slow < 40; slow++) {
    const world = simulate({ tripMs: question => (question === slow ? 900 : 3) })
    const findings = await checkLeases(world.calls, world.times)
    assert.ok(
      findings.every(({ message }) => !/leases expire too/.test(message)),
      JSON.stringify(findings),
    )
  }
})

test('answers that take too long say nothing of the clock', async () => {
  const world = simulate({ tripMs: () => 900 })
  const [finding] = await checkLeases(world.calls, { ...world.times, patienceMs: 1_500 })
  assert.equal(finding?.level, 'skipped')
})

test('a lease that etcd makes longer is a warning', async () => {
  const world = simulate({ minTtl: 15 })
  const [finding] = await checkLeases(world.calls, world.times)
  assert.match(finding?.message ?? '', /grants 15 s for leases of 6 s/)
  assert.equal(finding?.level, 'warning')
})

test('a lease that ends too soon is a warning', async () => {
  const world = simulate({ speed: 100 })
  const [finding] = await checkLeases(world.calls, world.times)
  assert.match(finding?.message ?? '', /expired before its 6 s/)
})
