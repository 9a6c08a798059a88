import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Histogram, Registry } from 'prom-client'
import {
  AccumulatedHistogram,
  type HistogramSeries,
} from '../../../../routes/admin/metrics/accumulated-histogram.ts'
import { MetricsPage } from '../../../../routes/admin/metrics/metrics-page.ts'

const BOUNDS = [0.001, 0.1, 1, 2.5]

function both() {
  const theirs = new Registry()
  const series = new Map<string, HistogramSeries>()
  const mine = new AccumulatedHistogram('x_seconds', 'Help with "quotes" \\ and\nlines.', BOUNDS)
  const reference = new Histogram({
    name: 'x_seconds',
    help: 'Help with "quotes" \\ and\nlines.',
    labelNames: ['route'],
    buckets: [...BOUNDS],
    registers: [theirs],
  })
  return {
    mine,
    observe(route: string, value: number) {
      const known = series.get(route) ?? mine.add({ route })
      series.set(route, known)
      known.observe(value)
      reference.observe({ route }, value)
    },
    async same() {
      const text = (await new MetricsPage().text([mine])).join('')
      const [own = '', rest] = text.split('\n# HELP waygate_metrics_overflow')
      assert.notEqual(rest, undefined)
      assert.equal(own, await theirs.metrics())
      return text
    },
  }
}

test('it renders what prom-client’s own histogram renders for the same observations', async () => {
  const { observe, same } = both()
  await same()
  const values = [0, 0.0005, 0.001, 0.0010001, 0.05, 0.1, 0.5, 1, 1.5, 2.5, 2.50001, 1e9]
  for (const route of ['a', 'auto:user', '', 'odd "quoted"\\\n']) {
    for (const value of values) {
      observe(route, value)
      await same()
    }
  }
  const text = await same()
  assert.match(text, /x_seconds_bucket\{le="\+Inf",route="a"\} 12/)
})
