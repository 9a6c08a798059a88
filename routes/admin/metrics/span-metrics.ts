import { byLabel, type LiveMetrics } from './live-metric.ts'

const REASONS = ['queue_full', 'refused', 'rejected', 'unreachable', 'too_many_errors'] as const
export type DropReason = (typeof REASONS)[number]

/** Counts the spans that a collector has taken, and those that it will never get. */
export class SpanCounts {
  sent = 0
  readonly #dropped = new Map<DropReason, number>(REASONS.map(reason => [reason, 0]))

  drop(reason: DropReason, spans: number): void {
    this.#dropped.set(reason, this.#dropped.get(reason)! + spans)
  }

  get dropped(): ReadonlyMap<DropReason, number> {
    return this.#dropped
  }
}

/** Returns the counts of spans; undefined = nothing was ever traced. */
export type SpansView = () => SpanCounts | undefined

export function addSpanMetrics(live: LiveMetrics, spans: SpansView): void {
  live.counter('waygate_spans_sent_total', 'Spans that the collector of traces has taken.', () => {
    const counts = spans()
    return counts === undefined ? [] : [{ labels: {}, value: counts.sent }]
  })
  live.counter(
    'waygate_spans_dropped_total',
    'Spans that the collector of traces did not get, by reason: queue_full, refused, rejected, unreachable, too_many_errors.',
    () => byLabel('reason', spans()?.dropped ?? []),
  )
}
