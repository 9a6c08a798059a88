/** A value at a time, milliseconds. */
export type Point = readonly [atMs: number, value: number]

/** Windows after settling. Each must be long enough for a collection of all garbage. */
const WINDOWS = 20
/** Part of the time in which code is compiled, caches fill up, and the heap finds its size. */
const SETTLING = 1 / 4
const HOUR_MS = 3_600_000

/**
 * Measures how memory grows, in bytes per hour, from samples of bytes; negative where it shrinks. The first quarter is left out.
 * The rest is cut into windows, of which only the lowest value counts: what is there right after a collection of garbage. In
 * less than an hour, what garbage is left weighs more than what could have grown.
 *
 * @throws TypeError when more than half of the windows have no sample
 */
export function growthPerHour(samples: readonly Point[], durationMs: number): number {
  return slopeOf(lowestOfWindows(samples, durationMs * SETTLING, durationMs)) * HOUR_MS
}

/**
 * Returns the lowest point of each window, in order. A window has none while the machine was too busy to take a sample.
 *
 * @throws TypeError when more than half of the windows have no point
 */
export function lowestOfWindows(points: readonly Point[], fromMs: number, toMs: number): Point[] {
  const windowMs = (toMs - fromMs) / WINDOWS
  const lowest = Array.from({ length: WINDOWS }, (_, index) => {
    const begin = fromMs + index * windowMs
    const inside = points.filter(([atMs]) => atMs >= begin && atMs < begin + windowMs)
    return inside.toSorted(([, a], [, b]) => a - b).slice(0, 1)
  }).flat()
  if (lowest.length < WINDOWS / 2)
    throw new TypeError(`only ${lowest.length} of ${WINDOWS} windows have a sample`)
  return lowest
}

/** Returns the slope of the line through points with the least squares, in units per millisecond. */
export function slopeOf(points: readonly Point[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))]
  const covariance = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0)
  return covariance / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0)
}
