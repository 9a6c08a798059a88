/** What a gateway holds at one moment. */
export interface SoakSample {
  /** Milliseconds from the start of the soak. */
  readonly atMs: number
  readonly residentBytes: number
  readonly descriptors: number
  readonly timers: number
}

/** A value at a time, milliseconds. */
export type Point = readonly [atMs: number, value: number]

export interface GrowthReport {
  /** How the resident memory grows, bytes per hour; negative where it shrinks. */
  readonly bytesPerHour: number
  /** Descriptors and timers: the fewest in the first window after settling, and in the last. */
  readonly descriptors: readonly [first: number, last: number]
  readonly timers: readonly [first: number, last: number]
  /** What must not be. Empty = nothing grows. */
  readonly problems: readonly string[]
}

/** Windows after settling. Each must be long enough for a collection of all garbage. */
const WINDOWS = 20
/** Part of the time in which code is compiled, caches fill up, and the heap finds its size. */
const SETTLING = 1 / 4
const MAX_BYTES_PER_HOUR = 1_000_000
/** Connections and timers that come and go. */
const SLACK = 4
const HOUR_MS = 3_600_000
/** A shorter run tells nothing about memory: what garbage is left weighs more than what could have grown. */
const TELLING_MS = HOUR_MS

/**
 * Judges the samples of a soak. The first quarter is left out. The rest is cut into windows, of which only the lowest value
 * counts: what is there right after a collection of garbage. In less than an hour, memory is measured, but not judged.
 *
 * @throws TypeError when a window has no sample
 */
export function judgeGrowth(samples: readonly SoakSample[], durationMs: number): GrowthReport {
  const settled = samples.filter(({ atMs }) => atMs >= durationMs * SETTLING)
  const lowest = (read: (sample: SoakSample) => number) => {
    const points = settled.map((sample): Point => [sample.atMs, read(sample)])
    return lowestOfWindows(points, durationMs * SETTLING, durationMs)
  }
  const ends = (points: readonly Point[]) => [points[0]![1], points.at(-1)![1]] as const
  const bytesPerHour = slopeOf(lowest(({ residentBytes }) => residentBytes)) * HOUR_MS
  const descriptors = ends(lowest(sample => sample.descriptors))
  const timers = ends(lowest(sample => sample.timers))
  const problems: string[] = []
  if (durationMs >= TELLING_MS && bytesPerHour >= MAX_BYTES_PER_HOUR) {
    problems.push(`resident memory grows by ${(bytesPerHour / 1e6).toFixed(2)} MB an hour`)
  }
  for (const [what, [first, last]] of Object.entries({ descriptors, timers })) {
    if (last > first + SLACK) problems.push(`${what} grow from ${first} to ${last}`)
  }
  return { bytesPerHour, descriptors, timers, problems }
}

/**
 * Returns the lowest point of each window, in order.
 *
 * @throws TypeError when a window has no point
 */
export function lowestOfWindows(points: readonly Point[], fromMs: number, toMs: number): Point[] {
  const windowMs = (toMs - fromMs) / WINDOWS
  return Array.from({ length: WINDOWS }, (_, index) => {
    const begin = fromMs + index * windowMs
    const inside = points.filter(([atMs]) => atMs >= begin && atMs < begin + windowMs)
    if (inside.length === 0) throw new TypeError(`no sample from ${begin} ms on, within ${windowMs} ms`)
    return inside.reduce((lowest, point) => (point[1] < lowest[1] ? point : lowest))
  })
}

/** Returns the slope of the line through points with the least squares, in units per millisecond. */
export function slopeOf(points: readonly Point[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(points.map(([at]) => at)), mean(points.map(([, value]) => value))]
  const covariance = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0)
  return covariance / points.reduce((sum, [at]) => sum + (at - x) ** 2, 0)
}
