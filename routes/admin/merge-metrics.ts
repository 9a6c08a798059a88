import { setImmediate as nextTurn } from 'node:timers/promises'
import { AggregatorRegistry } from 'prom-client'
import type { MetricValues } from './metric-values.ts'

/** Metrics with the values of several processes made one, each as its `aggregator` says. */
export async function mergeMetrics(processes: readonly (readonly MetricValues[])[]): Promise<MetricValues[]> {
  const merged: MetricValues[] = []
  for (const registry of aggregate(processes)) {
    merged.push(...((await registry.getMetricsAsJSON()) as unknown as MetricValues[]))
    await nextTurn()
  }
  return merged
}

/** The same as Prometheus text. */
export async function renderMerged(processes: readonly (readonly MetricValues[])[]): Promise<string> {
  const texts: string[] = []
  for (const registry of aggregate(processes)) {
    texts.push(await registry.metrics())
    await nextTurn()
  }
  return texts.filter(text => text.trim() !== '').join('\n')
}

/** One metric at a time: with thousands of nodes each takes long enough. */
function* aggregate(processes: readonly (readonly MetricValues[])[]) {
  const byName = Map.groupBy(processes.flat(), metric => metric.name)
  // Its type says that there is one metric; what it reads are the metrics of each process.
  for (const metrics of byName.values())
    yield AggregatorRegistry.aggregate([[...metrics]] as unknown as object[])
}
