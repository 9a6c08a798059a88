import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Charge, CountedRule, Verdict } from '../../../internal/limits/counters.ts'
import { LocalCounters } from '../../../internal/limits/local-counters.ts'
import { seededRandom } from '../../support/random.ts'

const SECOND = 1_000_000
const HOUR = 3_600 * SECOND

const gcra: CountedRule = { id: 'gcra', algorithm: 'gcra', limit: 10, windowMicros: SECOND, burst: 10 }
const exact: CountedRule = { id: 'exact', algorithm: 'exact', limit: 10, windowMicros: SECOND, burst: 10 }
const fixed: CountedRule = { id: 'fixed', algorithm: 'fixed', limit: 10, windowMicros: SECOND, burst: 10 }

/** Opens counters whose clock stands at `clock.now` microseconds. */
function open({ maxKeys = 1_000, start = 1_800_000_000 * SECOND } = {}) {
  const clock = { now: start }
  const counters = new LocalCounters({ maxKeys, now: () => clock.now, wallNow: () => clock.now })
  const charge = (rule: CountedRule, key = 'k', cost = 1): Charge => ({ rule, key, cost, isTest: false })
  /** Asks for one request, or for one of several rules, and returns the verdict of the first. */
  const ask = (rule: CountedRule, key?: string, cost?: number): Verdict =>
    counters.take([charge(rule, key, cost)])[0]!
  /** Charges the key `k`, and returns what takes it back. */
  const take = (rule: CountedRule, cost: number) => {
    counters.take([charge(rule, 'k', cost)])
    return counters.receiptsFor([charge(rule, 'k', cost)])
  }
  return { counters, clock, charge, ask, take }
}

const numbers = ({ allowed, remaining, nextMs, retryMs }: Verdict) => [allowed, remaining, nextMs, retryMs]

test('gcra: the burst may come at once, then one request each interval', () => {
  const { clock, ask } = open()
  for (let left = 9; left >= 1; left--) assert.deepEqual(numbers(ask(gcra)), [true, left, 0, 0])
  assert.deepEqual(numbers(ask(gcra)), [true, 0, 100, 0])
  assert.deepEqual(numbers(ask(gcra)), [false, 0, 100, 100])
  clock.now += 99_999
  assert.deepEqual(numbers(ask(gcra)), [false, 0, 0.001, 0.001])
  clock.now += 1
  assert.deepEqual(numbers(ask(gcra)), [true, 0, 100, 0])
  clock.now += 250_000
  assert.deepEqual(numbers(ask(gcra)), [true, 1, 0, 0])
  clock.now += HOUR
  assert.deepEqual(numbers(ask(gcra)), [true, 9, 0, 0])
})

test('gcra: a request of a higher cost waits for as many intervals, and one above the burst for ever', () => {
  const { ask, clock } = open()
  assert.deepEqual(numbers(ask(gcra, 'k', 7)), [true, 3, 0, 0])
  assert.deepEqual(numbers(ask(gcra, 'k', 5)), [false, 3, 0, 200])
  assert.deepEqual(numbers(ask(gcra, 'k', 0)), [true, 3, 0, 0])
  clock.now += 200_000
  assert.deepEqual(numbers(ask(gcra, 'k', 5)), [true, 0, 100, 0])
  assert.deepEqual(numbers(ask(gcra, 'k', 0)), [true, 0, 100, 0])
  assert.deepEqual(numbers(ask(gcra, 'k', 11)), [false, 0, 100, Infinity])
})

test('gcra: an interval that is no whole number of microseconds is rounded up, so the rate is never exceeded', () => {
  const { clock, ask, counters, charge } = open()
  const rule = { ...gcra, limit: 7, burst: 1 }
  const start = clock.now
  let admitted = 0
  while (clock.now < start + 100 * SECOND) {
    if (ask(rule).allowed) admitted++
    clock.now += 1_003
  }
  assert.ok(admitted > 690 && admitted <= 700, String(admitted))
  counters.add([charge(rule)])
})

/** Asks 10,000 times at random moments, and returns when requests were admitted. */
function admissions(rule: CountedRule, seed: number): number[] {
  const random = seededRandom(seed)
  const { clock, ask } = open()
  const admitted: number[] = []
  for (let i = 0; i < 10_000; i++) {
    // Twice as fast as the limit on average, from bursts within a microsecond to pauses of five intervals.
    clock.now += Math.floor((random() ** 8 * 5 * rule.windowMicros) / rule.limit)
    if (ask(rule).allowed) admitted.push(clock.now)
  }
  return admitted
}

/** The most requests that were admitted in any window. */
function mostInWindow(admitted: readonly number[], windowMicros: number): number {
  let most = 0
  for (let from = 0, to = 0; to < admitted.length; to++) {
    while (admitted[to]! - admitted[from]! >= windowMicros) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

test('limit: at most burst + limit in any window (property, 10,000 random arrivals)', () => {
  for (const [limit, burst, windowMicros] of [
    [10, 10, SECOND],
    [7, 3, SECOND],
    [100, 1_000, SECOND],
    [3, 2, 10_000],
    [50, 50, HOUR],
  ] as const) {
    for (let seed = 1; seed <= 4; seed++) {
      const rule = { ...gcra, limit, burst, windowMicros }
      const admitted = admissions(rule, seed)
      const most = mostInWindow(admitted, windowMicros)
      assert.ok(most <= burst + limit, `${most} of ${burst} + ${limit}, seed ${seed}`)
      // The bound is one that is reached, or the test would say nothing.
      assert.ok(most > limit, `${most} of ${limit}, seed ${seed}`)
    }
  }
})

test('limit: exact never passes limit in any window', () => {
  for (const [limit, windowMicros] of [
    [10, SECOND],
    [1, 1_000],
    [1_000, HOUR],
  ] as const) {
    for (let seed = 1; seed <= 4; seed++) {
      const admitted = admissions({ ...exact, limit, windowMicros }, seed)
      assert.equal(mostInWindow(admitted, windowMicros), limit, `seed ${seed}`)
    }
  }
})

test('exact: a request waits until enough others are older than the window', () => {
  const { clock, ask } = open()
  for (let i = 0; i < 10; i++) {
    assert.equal(ask(exact).allowed, true)
    clock.now += 10_000
  }
  // The first came 100 ms ago.
  assert.deepEqual(numbers(ask(exact)), [false, 0, 900, 900])
  assert.deepEqual(numbers(ask(exact, 'k', 3)), [false, 0, 900, 920])
  assert.deepEqual(numbers(ask(exact, 'k', 11)), [false, 0, 900, Infinity])
  clock.now += 899_999
  assert.equal(ask(exact).allowed, false)
  clock.now += 1
  assert.deepEqual(numbers(ask(exact)), [true, 0, 10, 0])
})

test('fixed: each window of the clock has the whole limit', () => {
  const { clock, ask } = open()
  clock.now += 400_000
  for (let left = 9; left >= 1; left--) assert.deepEqual(numbers(ask(fixed)), [true, left, 0, 0])
  assert.deepEqual(numbers(ask(fixed)), [true, 0, 600, 0])
  assert.deepEqual(numbers(ask(fixed)), [false, 0, 600, 600])
  clock.now += 599_999
  assert.equal(ask(fixed).allowed, false)
  clock.now += 1
  assert.deepEqual(numbers(ask(fixed)), [true, 9, 0, 0])
  assert.deepEqual(numbers(ask(fixed, 'k', 10)), [false, 9, 0, 1_000])
  assert.deepEqual(numbers(ask(fixed, 'k', 11)), [false, 9, 0, Infinity])
})

test('fixed: a window of the calendar ends when the charge says so', () => {
  const { counters, charge, clock } = open()
  const until = (days: number): Charge => ({
    ...charge(fixed),
    windowEndsAt: clock.now / 1_000 + days * 86_400_000,
  })
  const ends = until(31)
  for (let i = 0; i < 10; i++) assert.equal(counters.take([ends])[0]!.allowed, true)
  assert.deepEqual(numbers(counters.take([ends])[0]!), [false, 0, 31 * 86_400_000, 31 * 86_400_000])
  clock.now += 31 * 24 * HOUR
  assert.equal(counters.take([until(28)])[0]!.allowed, true)
})

for (const rule of [gcra, exact, fixed]) {
  test(`${rule.algorithm}: a charge that is taken back was never there`, () => {
    const { counters, take, ask } = open()
    for (let i = 0; i < 5; i++) ask(rule)
    counters.refund(take(rule, 3))
    assert.equal(ask(rule).remaining, 4)
  })

  test(`${rule.algorithm}: a test charges nothing, and a charge without a test may go beyond the limit`, () => {
    const { counters, charge, ask, clock } = open()
    for (let i = 0; i < 20; i++) counters.take([{ ...charge(rule), isTest: true }])
    assert.equal(counters.keys, 0)
    for (let i = 0; i < 10; i++) counters.add([charge(rule)])
    assert.equal(counters.take([{ ...charge(rule), isTest: true }])[0]!.allowed, false)
    counters.add([charge(rule)])
    assert.equal(ask(rule).allowed, false)
    clock.now += 3 * SECOND
    assert.equal(ask(rule).allowed, true)
  })
}

for (const rule of [gcra, exact, fixed]) {
  test(`${rule.algorithm}: a charge that has run out is not taken back from those that came later`, () => {
    const { counters, take, ask, clock } = open()
    const receipts = take(rule, 10)
    clock.now += SECOND
    for (let i = 0; i < 10; i++) assert.equal(ask(rule).allowed, true)
    counters.refund(receipts)
    assert.equal(ask(rule).allowed, false)
  })

  test(`${rule.algorithm}: a charge that was forgotten is not taken back from those that came later`, () => {
    const { counters, take, ask } = open({ maxKeys: 1 })
    const receipts = take(rule, 5)
    ask(rule, 'other')
    assert.equal(ask(rule).remaining, 9)
    counters.refund(receipts)
    assert.equal(ask(rule).remaining, 8)
  })

  test(`${rule.algorithm}: a request of cost 0 is admitted, however far beyond the limit the count is`, () => {
    const { counters, charge, ask } = open()
    for (let i = 0; i < 11; i++) counters.add([charge(rule)])
    assert.equal(ask(rule, 'k', 0).allowed, true)
    assert.equal(ask(rule, 'k', 1).allowed, false)
  })
}

test('exact: what is taken back is the charge itself, so no window ever has more than the limit', () => {
  const { counters, take, ask, clock } = open()
  const receipts = take(exact, 2)
  clock.now += SECOND / 2
  for (let i = 0; i < 8; i++) assert.equal(ask(exact).allowed, true)
  counters.refund(receipts)
  for (let i = 0; i < 2; i++) assert.equal(ask(exact).allowed, true)
  clock.now += SECOND / 2
  assert.equal(ask(exact).allowed, false)
  clock.now += SECOND / 2
  assert.equal(ask(exact).allowed, true)
})

test('limit: refused requests are not charged', () => {
  for (const rule of [gcra, exact, fixed]) {
    const { clock, ask } = open()
    for (let i = 0; i < 10; i++) assert.equal(ask(rule).allowed, true)
    // A client that keeps asking is admitted as soon as one that waits.
    for (let i = 0; i < 1_000; i++) {
      assert.equal(ask(rule).allowed, false)
      clock.now += 90
    }
    clock.now += 10_000
    assert.equal(ask(rule).allowed, rule === gcra, rule.algorithm)
    clock.now += SECOND
    assert.equal(ask(rule).allowed, true)
  }
})

test('limit: two rules, the second refuses, the first is untouched', () => {
  const { counters, charge } = open()
  const narrow = { ...gcra, id: 'narrow', limit: 1, burst: 1 }
  const both = () => counters.take([charge(gcra), charge(narrow)])
  assert.deepEqual(both().map(numbers), [
    [true, 9, 0, 0],
    [true, 0, 1_000, 0],
  ])
  for (let i = 0; i < 50; i++) {
    assert.deepEqual(both().map(numbers), [
      [true, 9, 0, 0],
      [false, 0, 1_000, 1_000],
    ])
  }
})

test('limit: clock set back by an hour locks nobody out', () => {
  for (const rule of [gcra, exact, fixed]) {
    const { clock, ask } = open()
    for (let i = 0; i < 10; i++) ask(rule)
    assert.equal(ask(rule).allowed, false)
    clock.now -= HOUR
    assert.ok(ask(rule).nextMs <= 1_000, rule.algorithm)
    clock.now += SECOND
    assert.equal(ask(rule).allowed, true, rule.algorithm)
  }
})

test('a lower limit takes effect at once, and keeps what was counted', () => {
  const { ask, clock } = open()
  for (let i = 0; i < 10; i++) ask(gcra)
  // What is owed would take 100 s at the new rate.
  const lower = { ...gcra, limit: 1, burst: 1 }
  assert.equal(ask(lower).allowed, false)
  assert.ok(ask(lower).nextMs <= 1_000)
  clock.now += SECOND
  assert.equal(ask(lower).allowed, true)
})

test('rules with different ids, and keys, are counted each by itself', () => {
  const { ask } = open()
  for (let i = 0; i < 10; i++) ask(gcra, 'a')
  assert.equal(ask(gcra, 'a').allowed, false)
  assert.equal(ask(gcra, 'b').allowed, true)
  assert.equal(ask({ ...gcra, id: 'other' }, 'a').allowed, true)
})

test('limit: 200,000 addresses stay under localKeys', () => {
  const { counters, ask, clock } = open({ maxKeys: 10_000 })
  const slow = { ...gcra, windowMicros: HOUR }
  for (let i = 0; i < 200_000; i++) {
    ask(slow, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)
    clock.now += 10
    assert.ok(counters.keys <= 10_000)
  }
  assert.equal(counters.keys, 10_000)
  assert.equal(counters.evictions, 190_000)
})

test('a key that keeps coming is not forgotten while others come once each', () => {
  const { ask } = open({ maxKeys: 1_000 })
  const slow = { ...gcra, windowMicros: HOUR }
  for (let i = 0; i < 10; i++) ask(slow, 'attacker')
  for (let i = 0; i < 20_000; i++) {
    ask(slow, `once ${i}`)
    assert.equal(ask(slow, 'attacker').allowed, false, String(i))
  }
})

test('keys whose count has run out go first, and are no evictions', () => {
  const { counters, ask, clock } = open({ maxKeys: 1_000 })
  const slow = { ...gcra, id: 'slow', windowMicros: HOUR }
  for (let i = 0; i < 10; i++) ask(slow, 'kept')
  for (let i = 0; i < 20_000; i++) {
    ask(gcra, String(i))
    clock.now += SECOND
  }
  assert.equal(counters.keys, 1_000)
  assert.equal(counters.evictions, 0)
  assert.equal(ask(slow, 'kept').remaining < 10, true)
})

test('long logs count for as many keys as their memory is worth', () => {
  const { counters, ask } = open({ maxKeys: 1_000 })
  const log = { ...exact, limit: 1_000, windowMicros: HOUR }
  for (let key = 0; key < 100; key++) for (let i = 0; i < 1_000; i++) ask(log, String(key))
  // Each log of 1,000 counts as 63 keys.
  assert.ok(counters.keys <= 16, String(counters.keys))
  assert.equal(ask(log, '99').allowed, false)
  for (let key = 0; key < 2_000; key++) ask(gcra, `small ${key}`)
  assert.ok(counters.keys <= 1_000)
})

test('keys of any characters are told apart, and those in memory do not hold the line they came from', () => {
  const { ask } = open()
  const one = { ...gcra, limit: 1, burst: 1 }
  for (const key of ['', 'ü', '\ud800', '\udc00', '\ufffd', 'a\0b', '__proto__']) {
    assert.equal(ask(one, key).allowed, true, JSON.stringify(key))
    assert.equal(ask(one, key).allowed, false, JSON.stringify(key))
  }
})
