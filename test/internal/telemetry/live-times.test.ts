import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addPairs, LiveTimes, quantileOf, TimesMark } from '../../../internal/telemetry/live-times.ts'
import { seededRandom } from '../../support/random.ts'

const SHARES = [0.01, 0.5, 0.9, 0.99, 0.999, 1]

test('a quantile is within 6 percent of the exact one, whatever the times are', () => {
  const random = seededRandom(7)
  let worst = 0
  for (let round = 0; round < 200; round++) {
    const times = new LiveTimes()
    const exact: number[] = []
    const [low, spread] = [0.07 * 10 ** (random() * 3), 10 ** (random() * 3)]
    for (let i = 0; i < 1 + random() * 2_000; i++) {
      const ms = Math.min(65_000, low * spread ** random())
      times.add(ms)
      exact.push(ms)
    }
    exact.sort((a, b) => a - b)
    for (const share of SHARES) {
      const expected = exact[Math.max(1, Math.ceil(share * exact.length)) - 1]!
      const found = quantileOf(times.pairs(), share)!
      worst = Math.max(worst, Math.abs(found - expected) / expected)
    }
  }
  assert.ok(worst <= 0.0601, `the largest error is ${worst}`)
  assert.ok(worst > 0.03, 'the samples are not all in the middle of their buckets')
})

test('the bounds of buckets are exact: a time is never counted in the bucket below', () => {
  for (let exponent = -4; exponent < 16; exponent++) {
    for (let eighth = 0; eighth < 8; eighth++) {
      const bound = 2 ** exponent * (1 + eighth / 8)
      const times = new LiveTimes()
      times.add(bound)
      assert.deepEqual(times.pairs(), [(exponent + 4) * 8 + eighth, 1], `${bound} ms`)
    }
  }
})

test('times beyond the range count as the shortest and as the longest', () => {
  const times = new LiveTimes()
  for (const ms of [0, 1e-9, 0.01]) times.add(ms)
  for (const ms of [65_536, 1e9, Number.MAX_VALUE]) times.add(ms)
  assert.deepEqual(times.pairs(), [0, 3, 159, 3])
})

test('without times there is no quantile', () => {
  assert.equal(quantileOf(new LiveTimes().pairs(), 0.5), null)
})

test('a mark gives what was counted since it was taken last', () => {
  const times = new LiveTimes()
  times.add(1)
  const mark = new TimesMark()
  assert.equal(mark.take(times).length, 2)
  assert.deepEqual(mark.take(times), [])
  times.add(100)
  times.add(100)
  const pairs = mark.take(times)
  assert.equal(pairs[1], 2)
  assert.ok(Math.abs(quantileOf(pairs, 0.5)! - 100) < 6)
})

test('buckets of two processes add up to those of one', () => {
  const random = seededRandom(3)
  const [one, other, both] = [new LiveTimes(), new LiveTimes(), new LiveTimes()]
  for (let i = 0; i < 1_000; i++) {
    const ms = 0.1 * 1_000 ** random()
    both.add(ms)
    ;(random() < 0.3 ? one : other).add(ms)
  }
  assert.deepEqual(addPairs(one.pairs(), other.pairs()), both.pairs())
  assert.deepEqual(addPairs([], both.pairs()), both.pairs())
})

test('counts that would overflow are halved, and keep their shares', () => {
  const times = new LiveTimes()
  times.counts[10] = 2 ** 31 - 1
  times.counts[100] = 1_000
  const mark = new TimesMark()
  mark.take(times)
  const [bound] = [1.25 * 2 ** (Math.floor(10 / 8) - 4)]
  times.add(bound)
  assert.deepEqual(times.pairs(), [10, 2 ** 30, 100, 500])
  assert.deepEqual(mark.take(times), [], 'a mark from before gives nothing that is not there')
})
