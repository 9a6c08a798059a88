import { setImmediate as nextTurn } from 'node:timers/promises'
import { AggregatorRegistry } from 'prom-client'
import type { MetricValues } from './metric-values.ts'

/** Merges the metrics of several processes, each by its `aggregator`. */
export async function mergeMetrics(processes: readonly (readonly MetricValues[])[]): Promise<MetricValues[]> {
  const merged: MetricValues[] = []
  for (const registry of aggregate(processes)) {
    merged.push(...((await registry.getMetricsAsJSON()) as unknown as MetricValues[]))
    await nextTurn()
  }
  return merged
}

/** Merges the metrics of several processes and renders them in the Prometheus text format. */
export async function renderMerged(processes: readonly (readonly MetricValues[])[]): Promise<string> {
  const texts: string[] = []
  for (const registry of aggregate(processes)) {
    texts.push(await registry.metrics())
    await nextTurn()
  }
  return texts.filter(text => text.trim() !== '').join('\n')
}

/** Merges one metric at a time, because each takes long with thousands of nodes. */
function* aggregate(processes: readonly (readonly MetricValues[])[]) {
  const byName = Map.groupBy(processes.flat(), metric => metric.name)
  // The declared type is a single metric, but the function reads the metrics of each process.
  for (const metrics of byName.values())
    yield AggregatorRegistry.aggregate([[...metrics]] as unknown as object[])
}
