import type { LocalCounters } from '../../../internal/limits/local-counters.ts'
import type { CountedByRoute, GoneRoutes } from './gone-routes.ts'
import { byLabel, type LabelledValue, type LiveMetrics } from './live-metric.ts'
import { OTHER } from './request-labels.ts'

/** Routes beyond so many share the label `other`. */
const MAX_ROUTES = 5_000

/** Counts what the policies of routes have decided. */
export class PolicyCounts implements CountedByRoute {
  readonly refusals = new LabelledCounter(
    'waygate_policy_refusals_total',
    'Requests that a policy of their route refused, by route, policy and rule.',
    ['policy', 'rule'],
  )
  readonly wouldRefusals = new LabelledCounter(
    'waygate_policy_would_refuse_total',
    'Requests that a policy would have refused if it were enforced, by route, policy and rule.',
    ['policy', 'rule'],
  )
  readonly preflights = new LabelledCounter(
    'waygate_cors_preflights_total',
    'CORS preflights answered by the gateway, by route and result: allowed, refused.',
    ['result'],
  )
  readonly mirrored = new LabelledCounter(
    'waygate_mirror_requests_total',
    'Requests that were to be copied, by route and what became of the copy: answered, failed, timeout, body_too_large, full.',
    ['outcome'],
  )
  readonly compressed = new LabelledCounter(
    'waygate_compress_bytes_total',
    'Bytes of bodies that the gateway compressed, by route, content coding and side: in, out.',
    ['encoding', 'side'],
  )
  readonly notCompressed = new ReasonCounter(
    'waygate_compress_skipped_total',
    'Answers of routes with compression that were sent as they are, by reason.',
  )
  readonly diversions = new LabelledCounter(
    'waygate_split_diverted_total',
    'Requests that went to stable because their variant had no usable node, by route and variant.',
    ['variant'],
  )
  readonly limited = new LabelledCounter(
    'waygate_rate_limited_total',
    'Requests that a rate limit or a quota refused, by route and rule.',
    ['rule'],
  )
  readonly wouldLimit = new LabelledCounter(
    'waygate_would_limit_total',
    'Requests that a rate limit or a quota would have refused if it were enforced, by route and rule.',
    ['rule'],
  )
  readonly #all: readonly (LabelledCounter | ReasonCounter)[] = Object.values(this)
  readonly #byRoute = this.#all.filter(counter => counter instanceof LabelledCounter)

  addTo(live: LiveMetrics): void {
    for (const counter of this.#all) live.counter(counter.name, counter.help, () => counter.samples())
  }

  drop(gone: Pick<GoneRoutes, 'has'>): void {
    for (const counter of this.#byRoute) counter.drop(gone)
  }

  *routes(): Generator<string> {
    for (const counter of this.#byRoute) yield* counter.routes()
  }
}

/** Counts by route and further labels. */
class LabelledCounter implements CountedByRoute {
  readonly name: string
  readonly help: string
  readonly #labels: readonly string[]
  /** By route, then by the values of the labels. */
  readonly #routes = new Map<string, Map<string, Counted>>()

  /** @param labels their names, besides `route` */
  constructor(name: string, help: string, labels: readonly string[]) {
    this.name = name
    this.help = help
    this.#labels = labels
  }

  /** @param values of the labels, in the order of their names */
  add(route: string, values: readonly string[], by = 1): void {
    const name = this.#routes.has(route) || this.#routes.size < MAX_ROUTES ? route : OTHER
    let counts = this.#routes.get(name)
    if (!counts) {
      counts = new Map()
      this.#routes.set(name, counts)
    }
    const key = values.join('\n')
    let counted = counts.get(key)
    if (!counted) {
      const labels = Object.fromEntries(this.#labels.map((label, i) => [label, values[i]!]))
      counted = { labels: { route: name, ...labels }, value: 0 }
      counts.set(key, counted)
    }
    counted.value += by
  }

  *samples(): Generator<LabelledValue> {
    for (const counts of this.#routes.values()) yield* counts.values()
  }

  routes(): Iterable<string> {
    return this.#routes.keys()
  }

  drop(gone: Pick<GoneRoutes, 'has'>): void {
    for (const route of this.#routes.keys()) if (gone.has(route)) this.#routes.delete(route)
  }
}

interface Counted extends LabelledValue {
  value: number
}

class ReasonCounter {
  readonly name: string
  readonly help: string
  readonly #counts = new Map<string, number>()

  constructor(name: string, help: string) {
    this.name = name
    this.help = help
  }

  add(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1)
  }

  samples(): Iterable<LabelledValue> {
    return byLabel('reason', this.#counts)
  }
}

/** Adds the metrics of the counters that this process has in memory. */
export function addLocalCounterMetrics(live: LiveMetrics, counters: LocalCounters): void {
  live.gauge(
    'waygate_limit_local_keys',
    'Keys, such as addresses, that rate limits count in memory.',
    'sum',
    () => counters.keys,
  )
  live.counter(
    'waygate_limit_evictions_total',
    'Keys that were forgotten while they were counted, because there were more than rateLimits.localKeys.',
    () => counters.evictions,
  )
}
