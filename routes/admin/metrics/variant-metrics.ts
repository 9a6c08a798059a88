import type { Call } from '../../../internal/call.ts'
import { AccumulatedHistogram, type HistogramSeries } from './accumulated-histogram.ts'
import type { CountedByRoute, GoneRoutes } from './gone-routes.ts'
import type { LabelledValue, LiveMetrics } from './live-metric.ts'
import { DURATION_BOUNDS } from './request-durations.ts'
import { OTHER, sampledTraceOf } from './request-labels.ts'

/** Variants of routes beyond so many share the labels `other`. */
const MAX_VARIANTS = 5_000

/** The requests of one variant. */
interface Variant {
  readonly labels: { readonly route: string; readonly variant: string }
  /** By the first digit of the status. */
  readonly classes: number[]
  readonly durations: HistogramSeries
}

/** Counts and times the requests of routes with a `split`, by route and variant. */
export class VariantCounts implements CountedByRoute {
  /** By route and variant, neither of which has spaces. */
  readonly #variants = new Map<string, Variant>()
  readonly durations = new AccumulatedHistogram(
    'waygate_variant_duration_seconds',
    'Time from the arrival of a request to the end of its answer, by route and variant of its split.',
    DURATION_BOUNDS,
  )

  /** Counts a request that has ended. */
  record(call: Call, status: number, totalMs: number): void {
    const { classes, durations } = this.#variantOf(call.route!.id, call.variant!)
    const digit = Math.trunc(status / 100)
    classes[digit] = (classes[digit] ?? 0) + 1
    durations.observe(totalMs / 1000, sampledTraceOf(call))
  }

  *samples(): Generator<LabelledValue> {
    for (const { labels, classes } of this.#variants.values()) {
      for (const [digit, value] of classes.entries()) {
        if (value !== undefined) yield { labels: { ...labels, class: `${digit}xx` }, value }
      }
    }
  }

  *routes(): Generator<string> {
    for (const { labels } of this.#variants.values()) yield labels.route
  }

  drop(gone: Pick<GoneRoutes, 'has'>): void {
    for (const [key, { labels, durations }] of this.#variants) {
      if (!gone.has(labels.route)) continue
      this.#variants.delete(key)
      this.durations.remove(durations)
    }
  }

  #variantOf(route: string, variant: string): Variant {
    const key = `${route} ${variant}`
    const known = this.#variants.get(key)
    if (known) return known
    if (this.#variants.size >= MAX_VARIANTS && route !== OTHER) return this.#variantOf(OTHER, OTHER)
    const labels = { route, variant }
    const added: Variant = { labels, classes: [], durations: this.durations.add(labels) }
    this.#variants.set(key, added)
    return added
  }
}

/** Adds the metrics of variants, without the durations. */
export function addVariantMetrics(live: LiveMetrics, counts: VariantCounts): void {
  live.counter(
    'waygate_variant_requests_total',
    'Requests that have ended on routes with a split, by route, variant and class of the status, such as 2xx.',
    () => counts.samples(),
  )
}
