import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccumulatedHistogram } from '../../../../routes/admin/metrics/accumulated-histogram.ts'
import { mergeMetrics } from '../../../../routes/admin/metrics/merge-metrics.ts'
import { type MetricFamily, toFamily } from '../../../../routes/admin/metrics/metric-values.ts'
import { MetricsPage } from '../../../../routes/admin/metrics/metrics-page.ts'
import { TEXT_FORMAT } from '../../../../routes/admin/metrics/metrics-text.ts'
import { chooseFormat, OPENMETRICS_FORMAT } from '../../../../routes/admin/metrics/openmetrics-text.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

async function render(families: readonly MetricFamily[], format = OPENMETRICS_FORMAT): Promise<string> {
  return (await new MetricsPage().text(families, format)).join('')
}

test('a page has counters without their suffix in the head, whole bounds with a fraction, and an end', async t => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_795_296_406_712 })
  const histogram = new AccumulatedHistogram('x_seconds', 'Help with "quotes" \\ and\nlines.', [0.1, 1])
  const series = histogram.add({ route: 'r' })
  series.observe(0.05)
  series.observe(0.5, TRACE)
  const counter: MetricFamily = {
    ...{ name: 'x_total', help: 'Counts.', type: 'counter', aggregator: 'sum' },
    // prom-client has null where there is no exemplar.
    samples: () => [{ labels: { status: '200' }, value: 3, exemplar: null }],
  }
  const odd: MetricFamily = { ...counter, name: 'odd' }
  assert.equal(
    await render([histogram, counter, odd]),
    `# HELP x_seconds Help with \\"quotes\\" \\\\ and\\nlines.
# TYPE x_seconds histogram
x_seconds_bucket{le="0.1",route="r"} 1
x_seconds_bucket{le="1.0",route="r"} 2 # {trace_id="${TRACE}"} 0.5 1795296406.712
x_seconds_bucket{le="+Inf",route="r"} 2
x_seconds_sum{route="r"} 0.55
x_seconds_count{route="r"} 2
# HELP x Counts.
# TYPE x counter
x_total{status="200"} 3
# HELP odd Counts.
# TYPE odd unknown
odd{status="200"} 3
# HELP waygate_metrics_overflow Whether there are more series than the page may have, so that some are merged as other: 1, else 0.
# TYPE waygate_metrics_overflow gauge
waygate_metrics_overflow 0
# EOF
`,
  )
  assert.doesNotMatch(await render([histogram], TEXT_FORMAT), /trace_id|EOF/)
})

test('an exemplar is the latest of its bucket, also of several processes', async t => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_000 })
  const histograms = [0, 1].map(() => new AccumulatedHistogram('x', 'Help.', [1]))
  const [one, two] = histograms.map(histogram => histogram.add({}))
  one!.observe(0.1, 'a')
  one!.observe(0.2, 'b')
  t.mock.timers.setTime(2_000)
  two!.observe(0.3, 'c')
  one!.observe(0.4)
  t.mock.timers.setTime(3_000)
  one!.observe(7, 'd')
  const sent = histograms.map(histogram => {
    const { name, help, type, aggregator } = histogram
    return JSON.parse(JSON.stringify({ name, help, type, aggregator, values: [...histogram.samples()] }))
  })
  const merged = await mergeMetrics(sent)
  const buckets = (await render(merged.map(toFamily))).split('\n').filter(line => line.includes('_bucket'))
  assert.deepEqual(buckets, [
    'x_bucket{le="1.0"} 4 # {trace_id="c"} 0.3 2.000',
    'x_bucket{le="+Inf"} 5 # {trace_id="d"} 7 3.000',
  ])
})

for (const [accept, format] of [
  [undefined, TEXT_FORMAT],
  ['', TEXT_FORMAT],
  ['*/*', TEXT_FORMAT],
  ['text/html,application/xhtml+xml,*/*;q=0.8', TEXT_FORMAT],
  ['application/openmetrics-text', OPENMETRICS_FORMAT],
  ['application/openmetrics-text; version=1.0.0; charset=utf-8', OPENMETRICS_FORMAT],
  // Prometheus 2 and 3.
  [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    OPENMETRICS_FORMAT,
  ],
  [
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
    OPENMETRICS_FORMAT,
  ],
  ['text/plain,application/openmetrics-text;q=0.5', TEXT_FORMAT],
  ['application/openmetrics-text;q=0', TEXT_FORMAT],
] as const) {
  const name = format === TEXT_FORMAT ? 'the text format of Prometheus' : 'OpenMetrics'
  test(`a client that sends Accept: ${accept} gets ${name}`, () => assert.equal(chooseFormat(accept), format))
}
