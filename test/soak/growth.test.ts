import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../support/random.ts'
import { growthPerHour, lowestOfWindows, type Point, slopeOf } from './growth.ts'

const HOUR_MS = 3_600_000
const DURATION_MS = 2 * HOUR_MS

/** Samples every 5 s of a heap that fills up by 20 MB, and is collected at random, over a base that grows. */
function samples(base: (hours: number) => number): Point[] {
  const random = seededRandom(7)
  let garbage = 0
  return Array.from({ length: DURATION_MS / 5_000 }, (_, index) => {
    garbage = random() < 0.1 ? 0 : garbage + random() * 2e6
    return [index * 5_000, base((index * 5_000) / HOUR_MS) + garbage]
  })
}

test('the slope of points on a line is that of the line, whatever lies evenly around it', () => {
  const line = (...values: readonly number[]) => slopeOf(values.map((value, index) => [index, value]))
  assert.equal(line(1, 3, 5), 2)
  assert.equal(line(1, 9, 1), 0)
})

test('the lowest point of a window stands for it, and windows without one are left out, if they are few', () => {
  const points = Array.from({ length: 60 }, (_, index) => [index, index % 3] as const)
  const lowest = lowestOfWindows(points, 0, 60)
  assert.equal(lowest.length, 20)
  assert.ok(lowest.every(([at, value], index) => value === 0 && at === index * 3))
  assert.deepEqual(lowestOfWindows(points.slice(30), 0, 60), lowest.slice(10))
  assert.throws(() => lowestOfWindows(points.slice(33), 0, 60), /only 9 of 20 windows have a sample/)
})

test('garbage that is collected is no growth, nor is what a gateway needs once to settle', () => {
  const grown = growthPerHour(
    samples(hours => 90e6 + Math.min(1, hours / 0.4) * 50e6),
    DURATION_MS,
  )
  assert.ok(Math.abs(grown) < 0.5e6, `${grown}`)
})

test('a leak of 2 MB an hour is found beneath ten times as much garbage', () => {
  const grown = growthPerHour(
    samples(hours => 90e6 + hours * 2e6),
    DURATION_MS,
  )
  assert.ok(grown > 1.5e6 && grown < 2.5e6, `${grown}`)
})
