import { Turns } from '../turns.ts'
import {
  type Exemplar,
  MERGE,
  type MetricHead,
  type MetricValue,
  type MetricValues,
} from './metric-values.ts'
import { labelsText } from './metrics-text.ts'

interface Merging {
  readonly head: MetricHead
  readonly series: Map<string, MergedValue>
}

interface MergedValue {
  readonly first: MetricValue
  value: number
  count: number
  /** The latest. */
  exemplar: Exemplar | null | undefined
}

/** Merges the metrics of several processes, each by its `aggregator`. A metric may come in several parts. */
export async function mergeMetrics(metrics: Iterable<MetricValues>): Promise<MetricValues[]> {
  const turns = new Turns()
  const merging = new Map<string, Merging>()
  for (const { values, ...head } of metrics) {
    const { name, aggregator } = head
    if (aggregator === 'omit') continue
    const known = merging.get(name) ?? { head, series: new Map() }
    merging.set(name, known)
    const merge = MERGE[aggregator]
    for (const each of values) {
      const key = `${each.metricName} ${each.labels.le} ${labelsText(each.labels)}`
      const before = known.series.get(key)
      if (before === undefined) {
        known.series.set(key, { first: each, value: each.value, count: 1, exemplar: each.exemplar })
      } else {
        if (merge) before.value = merge(before.value, each.value)
        before.count++
        if (each.exemplar && each.exemplar.time > (before.exemplar?.time ?? 0))
          before.exemplar = each.exemplar
      }
      if (turns.isOver) await turns.next()
    }
  }
  const merged: MetricValues[] = []
  for (const { head, series } of merging.values()) {
    const values: MetricValue[] = []
    for (const { first, value, count, exemplar } of series.values()) {
      const merged = head.aggregator === 'average' ? value / count : value
      values.push({ ...first, value: merged, ...(exemplar && { exemplar }) })
      if (turns.isOver) await turns.next()
    }
    merged.push({ ...head, values })
  }
  return merged
}
