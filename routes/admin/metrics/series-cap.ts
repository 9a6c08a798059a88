import { type Aggregator, type Labels, MERGE, type MetricFamily, type MetricValue } from './metric-values.ts'
import { labelsText } from './metrics-text.ts'
import { OTHER } from './request-labels.ts'

/** The labels of which there may be any number of values, because the registry has them. */
const OPEN_LABELS: ReadonlySet<string> = new Set(['route', 'service', 'node', 'method'])
/** Of each metric, series with `other` that differ in labels such as `status`. Beyond that, these are `other`, too. */
const MAX_OTHERS = 32

/** How many series a metric has. */
export interface MetricSize {
  series: number
  /** Of these, those of one histogram; 1 of other metrics. */
  each: number
}

/** A series of the page. */
export interface PageSeries {
  readonly sample: MetricValue
  /** Its labels but for `le`, as text. */
  readonly labels: string
}

interface Other {
  readonly labels: Labels
  readonly text: string
  /** Its values: one, or those of a histogram. */
  readonly values: Map<string, MetricValue>
}

/**
 * Caps the series of one metric. Series that do not fit become one, whose open labels are `other`. Which ones do not fit
 * changes as little as possible, and a counter named `other` never falls, whatever becomes of its series: Prometheus would
 * take that for a restart and count everything anew.
 */
export class SeriesCap {
  /** The labels of the series that the latest page had. */
  #named = new Set<string>()
  /** The values of counters that are not 0 and were added to others. */
  #added = new Map<string, number>()
  readonly #others = new Map<string, Other>();

  /**
   * Yields at most `most` series of a metric, and undefined for each that became part of another.
   *
   * @param size of all series. If they fit, those that have come since must wait for the next page
   */
  *take(family: MetricFamily, { series, each }: MetricSize, most: number): Generator<PageSeries | undefined> {
    const { type, aggregator } = family
    const isCounted = type !== 'gauge'
    const isFull = series > most
    const limit = Math.floor(most / each) - (isFull ? (each > 1 ? 1 : MAX_OTHERS) : 0)
    const named = new Set<string>()
    const added = new Map<string, number>()
    let free = isFull ? limit - this.#named.size : limit
    let hasOthers = false
    if (!isCounted) this.#others.clear()
    for (const sample of family.samples()) {
      const labels = labelsText(sample.labels)
      const wasNamed = this.#named.has(labels)
      if (named.has(labels)) {
        sample.noteShown?.()
        yield { sample, labels }
        continue
      }
      if (named.size < limit && (wasNamed || free > 0) && !(isFull && isOther(sample.labels))) {
        named.add(labels)
        if (!wasNamed) free--
        sample.noteShown?.()
        yield { sample, labels }
        continue
      }
      if (isFull) {
        hasOthers = true
        const other = this.#otherOf(sample.labels)
        const value = isCounted ? this.#increase(added, sample, labels, wasNamed) : sample.value
        add(other, sample, value, aggregator)
        sample.noteShown?.()
      }
      yield undefined
    }
    this.#named = named
    this.#added = added
    if (!hasOthers) return
    for (const { text, values } of this.#others.values()) {
      for (const sample of values.values()) yield { sample, labels: text }
    }
  }

  /** Returns by how much a counter is larger than on the page before; of a new one, or one that began anew, all of it. */
  #increase(added: Map<string, number>, sample: MetricValue, labels: string, wasNamed: boolean): number {
    const { value } = sample
    const key = `${labels}\n${partOf(sample)}`
    if (value !== 0) added.set(key, value)
    // What it counted under its own name is not counted again.
    const before = this.#added.get(key) ?? (wasNamed ? value : 0)
    return value < before ? value : value - before
  }

  #otherOf(labels: Labels): Other {
    let closed = ''
    for (const name in labels) if (name !== 'le' && !OPEN_LABELS.has(name)) closed += `${labels[name]}\n`
    const known = this.#others.get(closed)
    if (known) return known
    // One is kept free, for those beyond.
    const isLast = this.#others.size >= MAX_OTHERS - 1 && closed !== ''
    if (isLast && this.#others.has(OTHER)) return this.#others.get(OTHER)!
    const renamed: Record<string, string | number> = {}
    for (const name in labels) {
      if (name !== 'le') renamed[name] = isLast || OPEN_LABELS.has(name) ? OTHER : labels[name]!
    }
    const other: Other = { labels: renamed, text: labelsText(renamed), values: new Map() }
    this.#others.set(isLast ? OTHER : closed, other)
    return other
  }
}

function isOther(labels: Labels): boolean {
  for (const name in labels) if (OPEN_LABELS.has(name) && labels[name] !== OTHER) return false
  return true
}

function partOf({ metricName = '', labels: { le = '' } }: MetricValue): string {
  return `${metricName} ${le}`
}

function add({ labels, values }: Other, sample: MetricValue, value: number, aggregator: Aggregator): void {
  const part = partOf(sample)
  const before = values.get(part)
  const merge = MERGE[aggregator]
  const { le } = sample.labels
  values.set(part, {
    ...(sample.metricName !== undefined && { metricName: sample.metricName }),
    labels: le === undefined ? labels : { le, ...labels },
    value: before === undefined ? value : merge ? merge(before.value, value) : before.value,
  })
}
