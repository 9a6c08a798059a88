import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccumulatedHistogram } from '../../../../routes/admin/metrics/accumulated-histogram.ts'
import { mergeMetrics } from '../../../../routes/admin/metrics/merge-metrics.ts'
import {
  type Aggregator,
  type MetricValues,
  toFamily,
} from '../../../../routes/admin/metrics/metric-values.ts'
import { MetricsPage } from '../../../../routes/admin/metrics/metrics-page.ts'

/** Returns the text of merged metrics, without the page's own. */
async function renderMerged(processes: readonly (readonly MetricValues[])[]): Promise<string> {
  const merged = await mergeMetrics(processes.flat())
  const text = (await new MetricsPage().text(merged.map(toFamily))).join('')
  return text.split('\n# HELP waygate_metrics_overflow')[0]!
}

function metric(aggregator: Aggregator, values: Readonly<Record<string, number>>): MetricValues {
  return {
    name: `x_${aggregator}`,
    help: 'Help.',
    type: 'gauge',
    aggregator,
    values: Object.entries(values).map(([node, value]) => ({ labels: { node }, value })),
  }
}

for (const [aggregator, value] of [
  ['sum', 5],
  ['max', 4],
  ['min', 1],
] as const) {
  test(`${aggregator}: a series of several processes is merged, and one of a single process is kept`, async () => {
    const text = await renderMerged([
      [metric(aggregator, { a: 1, b: 7 })],
      [metric(aggregator, { a: 4 })],
      [],
    ])
    const name = `x_${aggregator}`
    assert.equal(
      text,
      `# HELP ${name} Help.\n# TYPE ${name} gauge\n${name}{node="a"} ${value}\n${name}{node="b"} 7\n`,
    )
  })
}

test('histograms are summed bucket by bucket', async () => {
  const histograms = [0, 1].map(() => new AccumulatedHistogram('d', 'Help.', [1, 2]))
  const series = histograms.map(histogram => histogram.add({ route: 'r' }))
  for (const [index, seconds] of [0.5, 1.5, 3].entries()) series[index % 2]!.observe(seconds)
  const values = histograms.map(({ name, help, type, aggregator }, index) => [
    { name, help, type, aggregator, values: [...histograms[index]!.samples()] } as const,
  ])
  const lines = (await renderMerged(values)).split('\n').filter(line => line.startsWith('d_'))
  assert.deepEqual(lines, [
    'd_bucket{le="1",route="r"} 1',
    'd_bucket{le="2",route="r"} 2',
    'd_bucket{le="+Inf",route="r"} 3',
    'd_sum{route="r"} 5',
    'd_count{route="r"} 3',
  ])
})

test('a metric in parts is merged like a whole one, the mean of values is taken, and what must be omitted is', async () => {
  const [first, second] = [metric('sum', { a: 1 }), metric('sum', { b: 2 })]
  const merged = await mergeMetrics([
    ...[first, second, metric('sum', { b: 3 })],
    ...[metric('average', { a: 1 }), metric('average', { a: 2 })],
    ...[metric('first', { a: 5 }), metric('first', { a: 6 })],
    metric('omit', { a: 1 }),
  ])
  assert.deepEqual(
    merged.map(({ name, values }) => [name, ...values.map(({ labels, value }) => `${labels.node} ${value}`)]),
    [
      ['x_sum', 'a 1', 'b 5'],
      ['x_average', 'a 1.5'],
      ['x_first', 'a 5'],
    ],
  )
})
