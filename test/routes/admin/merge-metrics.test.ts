import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccumulatedHistogram } from '../../../routes/admin/accumulated-histogram.ts'
import { renderMerged } from '../../../routes/admin/merge-metrics.ts'
import type { Aggregator, MetricValues } from '../../../routes/admin/metric-values.ts'

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
  const histograms = [0, 1].map(() => new AccumulatedHistogram('d', 'Help.', 'route', [1, 2]))
  for (const [index, seconds] of [0.5, 1.5, 3].entries()) histograms[index % 2]!.observe('r', seconds)
  const values = await Promise.all(
    histograms.map(async each => [(await each.get()) as unknown as MetricValues]),
  )
  const lines = (await renderMerged(values)).split('\n').filter(line => line.startsWith('d_'))
  assert.deepEqual(lines, [
    'd_bucket{le="1",route="r"} 1',
    'd_bucket{le="2",route="r"} 2',
    'd_bucket{le="+Inf",route="r"} 3',
    'd_sum{route="r"} 5',
    'd_count{route="r"} 3',
  ])
})
