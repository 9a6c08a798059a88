import type { Call } from '../../../internal/call.ts'
import { AccumulatedHistogram } from './accumulated-histogram.ts'
import type { AddLiveMetric, LabelledValue } from './live-metric.ts'

/** Variants of routes beyond so many share the labels `other`. */
const MAX_VARIANTS = 5_000
const OTHER = 'other other'

/** Counts and times the requests of routes with a `split`, by route and variant. Both names have no spaces. */
export class VariantCounts {
  /** By route and variant: the requests by the first digit of their status. */
  readonly #classes = new Map<string, number[]>()
  readonly durations: AccumulatedHistogram

  /** @param bounds of the durations, in seconds */
  constructor(bounds: readonly number[]) {
    this.durations = new AccumulatedHistogram(
      'waygate_variant_duration_seconds',
      'Time from the arrival of a request to the end of its answer, by route and variant of its split.',
      labelsOf,
      bounds,
    )
  }

  /** Counts a request that has ended. */
  record({ route, variant }: Call, status: number, totalMs: number): void {
    let key = `${route!.id} ${variant}`
    if (!this.#classes.has(key)) {
      if (this.#classes.size >= MAX_VARIANTS) key = OTHER
      if (!this.#classes.has(key)) this.#classes.set(key, [])
    }
    const counts = this.#classes.get(key)!
    const digit = Math.trunc(status / 100)
    counts[digit] = (counts[digit] ?? 0) + 1
    this.durations.observe(key, totalMs / 1000)
  }

  *samples(): Generator<LabelledValue> {
    for (const [key, counts] of this.#classes) {
      for (const [digit, value] of counts.entries()) {
        if (value !== undefined) yield { labels: { ...labelsOf(key), class: `${digit}xx` }, value }
      }
    }
  }
}

function labelsOf(key: string): { route: string; variant: string } {
  const [route = '', variant = ''] = key.split(' ')
  return { route, variant }
}

/** Adds the metrics of variants, without the durations. */
export function addVariantMetrics(live: AddLiveMetric, counts: VariantCounts): void {
  live(
    'counter',
    'waygate_variant_requests_total',
    'Requests that have ended on routes with a split, by route, variant and class of the status, such as 2xx.',
    'sum',
    () => counts.samples(),
  )
}
