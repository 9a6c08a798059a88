import type { LocalCounters } from '../../../internal/limits/local-counters.ts'
import type { AddLiveMetric, LabelledValue } from './live-metric.ts'

/** Routes beyond so many share the label `other`. */
const MAX_ROUTES = 5_000

/** Counts what the policies of routes have decided, by route and policy. */
export class PolicyCounts {
  readonly refusals = new LabelledCounter('policy')
  readonly wouldRefusals = new LabelledCounter('policy')
  readonly preflights = new LabelledCounter('result')
  readonly limited = new LabelledCounter('rule')
  readonly wouldLimit = new LabelledCounter('rule')
  readonly diversions = new LabelledCounter('variant')
  readonly mirrored = new LabelledCounter('outcome')
  /** Bytes that were compressed, and what became of them, by content coding. */
  readonly compressed = { in: new LabelledCounter('encoding'), out: new LabelledCounter('encoding') }
  readonly notCompressed = new ReasonCounter()
}

class LabelledCounter {
  readonly #label: string
  readonly #routes = new Map<string, Map<string, number>>()

  constructor(label: string) {
    this.#label = label
  }

  add(route: string, value: string, by = 1): void {
    const name = this.#routes.has(route) || this.#routes.size < MAX_ROUTES ? route : 'other'
    let counts = this.#routes.get(name)
    if (!counts) {
      counts = new Map()
      this.#routes.set(name, counts)
    }
    counts.set(value, (counts.get(value) ?? 0) + by)
  }

  *samples(): Generator<LabelledValue> {
    for (const [route, counts] of this.#routes) {
      for (const [text, value] of counts) yield { labels: { route, [this.#label]: text }, value }
    }
  }
}

class ReasonCounter {
  readonly #counts = new Map<string, number>()

  add(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1)
  }

  *samples(): Generator<LabelledValue> {
    for (const [reason, value] of this.#counts) yield { labels: { reason }, value }
  }
}

/** Adds the metrics of policies. */
export function addPolicyMetrics(live: AddLiveMetric, counts: PolicyCounts): void {
  live(
    'counter',
    'waygate_policy_refusals_total',
    'Requests that a policy of their route refused, by route and policy.',
    'sum',
    () => counts.refusals.samples(),
  )
  live(
    'counter',
    'waygate_policy_would_refuse_total',
    'Requests that a policy would have refused if it were enforced, by route and policy.',
    'sum',
    () => counts.wouldRefusals.samples(),
  )
  live(
    'counter',
    'waygate_cors_preflights_total',
    'CORS preflights answered by the gateway, by route and result: allowed, refused.',
    'sum',
    () => counts.preflights.samples(),
  )
  live(
    'counter',
    'waygate_mirror_requests_total',
    'Requests that were to be copied, by route and what became of the copy: answered, failed, timeout, body_too_large, full.',
    'sum',
    () => counts.mirrored.samples(),
  )
  live(
    'counter',
    'waygate_compress_bytes_total',
    'Bytes of bodies that the gateway compressed, by route, content coding and side: in, out.',
    'sum',
    () => compressedBytes(counts),
  )
  live(
    'counter',
    'waygate_compress_skipped_total',
    'Answers of routes with compression that were sent as they are, by reason.',
    'sum',
    () => counts.notCompressed.samples(),
  )
  live(
    'counter',
    'waygate_split_diverted_total',
    'Requests that went to stable because their variant had no usable node, by route and variant.',
    'sum',
    () => counts.diversions.samples(),
  )
  live(
    'counter',
    'waygate_rate_limited_total',
    'Requests that a rate limit or a quota refused, by route and rule.',
    'sum',
    () => counts.limited.samples(),
  )
  live(
    'counter',
    'waygate_would_limit_total',
    'Requests that a rate limit or a quota would have refused if it were enforced, by route and rule.',
    'sum',
    () => counts.wouldLimit.samples(),
  )
}

function* compressedBytes({ compressed }: PolicyCounts): Generator<LabelledValue> {
  for (const side of ['in', 'out'] as const) {
    for (const { labels, value } of compressed[side].samples()) yield { labels: { ...labels, side }, value }
  }
}

/** Adds the metrics of the counters that this process has in memory. */
export function addLocalCounterMetrics(live: AddLiveMetric, counters: LocalCounters): void {
  live(
    'gauge',
    'waygate_limit_local_keys',
    'Keys, such as addresses, that rate limits count in memory.',
    'sum',
    () => [{ labels: {}, value: counters.keys }],
  )
  live(
    'counter',
    'waygate_limit_evictions_total',
    'Keys that were forgotten while they were counted, because there were more than rateLimits.localKeys.',
    'sum',
    () => [{ labels: {}, value: counters.evictions }],
  )
}
