import { Turns } from '../turns.ts'
import type { MetricFamily, MetricHead, MetricValues } from './metric-values.ts'
import type { PageFormat } from './metrics-text.ts'
import { TEXT_FORMAT } from './metrics-text.ts'
import { type MetricSize, type PageSeries, SeriesCap } from './series-cap.ts'

/** The most series that `/metrics` has. */
const MAX_SERIES = 50_000
const SERIES_A_PART = 500
const PIECE_CHARS = 65_536
const OVERFLOW = {
  name: 'waygate_metrics_overflow',
  help: 'Whether there are more series than the page may have, so that some are merged as other: 1, else 0.',
  type: 'gauge',
  aggregator: 'max',
} as const satisfies MetricHead

interface Part {
  readonly head: MetricHead
  readonly isFirst: boolean
  readonly series: readonly PageSeries[]
}

/**
 * Makes the metrics page: counts its series, caps them, and adds `waygate_metrics_overflow`. If there are too many, each
 * metric gets an equal share, and what the small ones leave goes to the others. All is done in turns of the event loop.
 */
export class MetricsPage {
  readonly #maxSeries: number
  readonly #caps = new Map<string, SeriesCap>()
  #latest: Promise<void> = Promise.resolve()

  constructor(maxSeries = MAX_SERIES) {
    this.#maxSeries = maxSeries
  }

  /** Returns the page in pieces. */
  async text(
    families: readonly MetricFamily[],
    format: PageFormat = TEXT_FORMAT,
  ): Promise<readonly string[]> {
    const pieces: string[] = []
    let piece = ''
    for await (const { head, isFirst, series } of this.#parts(families)) {
      if (isFirst) {
        if (piece !== '' || pieces.length > 0) piece += format.separator
        piece += format.head(head)
      }
      for (const { sample, labels } of series) piece += format.line(head.name, labels, sample)
      if (piece.length < PIECE_CHARS) continue
      pieces.push(piece)
      piece = ''
    }
    pieces.push(piece + format.end)
    return pieces
  }

  /** Yields the page for another process. A metric with many series comes in several parts. */
  async *values(families: readonly MetricFamily[]): AsyncGenerator<MetricValues> {
    for await (const { head, series } of this.#parts(families)) {
      yield { ...head, values: series.map(({ sample }) => sample) }
    }
  }

  /** Makes one page at a time, because each changes what the next one calls `other`. */
  async *#parts(families: readonly MetricFamily[]): AsyncGenerator<Part> {
    const before = this.#latest
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#latest = promise
    await before
    try {
      yield* this.#cappedParts(families)
    } finally {
      resolve()
    }
  }

  async *#cappedParts(all: readonly MetricFamily[]): AsyncGenerator<Part> {
    const turns = new Turns()
    const families = all.filter(({ name }) => name !== OVERFLOW.name)
    const sizes: MetricSize[] = []
    for (const family of families) sizes.push(await sizeOf(family, turns))
    // One is its own.
    const share = shareOf(
      sizes.map(({ series }) => series),
      this.#maxSeries - 1,
    )
    let left = this.#maxSeries - 1
    for (const { series } of sizes) left -= Math.min(series, share)
    for (const [i, family] of families.entries()) {
      const size = sizes[i]!
      const { name, help, type, aggregator } = family
      const head: MetricHead = { name, help, type, aggregator }
      let isFirst = true
      let series: PageSeries[] = []
      let count = 0
      // What the page has room for is given to whatever grows meanwhile.
      const most = size.series > share ? share : size.series + left
      for (const each of this.#capOf(name).take(family, size, most)) {
        if (each && series.push(each) === SERIES_A_PART) {
          count += series.length
          yield { head, isFirst, series }
          isFirst = false
          series = []
        }
        if (turns.isOver) await turns.next()
      }
      if (isFirst || series.length > 0) yield { head, isFirst, series }
      left -= Math.max(0, count + series.length - size.series)
    }
    const told = all.filter(({ name }) => name === OVERFLOW.name).flatMap(family => [...family.samples()])
    const isOver = share !== Number.POSITIVE_INFINITY || told.some(({ value }) => value > 0)
    const sample = { labels: {}, value: Number(isOver) }
    yield { head: OVERFLOW, isFirst: true, series: [{ sample, labels: '' }] }
  }

  #capOf(name: string): SeriesCap {
    let cap = this.#caps.get(name)
    if (!cap) {
      cap = new SeriesCap()
      this.#caps.set(name, cap)
    }
    return cap
  }
}

async function sizeOf(family: MetricFamily, turns: Turns): Promise<MetricSize> {
  let series = 0
  let histograms = 0
  for (const { metricName } of family.samples()) {
    series++
    if (metricName?.endsWith('_count')) histograms++
    if (turns.isOver) await turns.next()
  }
  return { series, each: family.type === 'histogram' && histograms > 0 ? series / histograms : 1 }
}

/** Returns how many series each metric may have, so that all have at most `most`; infinity when all series fit. */
function shareOf(sizes: readonly number[], most: number): number {
  let left = most
  const sorted = sizes.toSorted((a, b) => a - b)
  for (const [i, size] of sorted.entries()) {
    const share = Math.floor(left / (sorted.length - i))
    if (size > share) return share
    left -= size
  }
  return Number.POSITIVE_INFINITY
}
