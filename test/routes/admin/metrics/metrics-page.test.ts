import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccumulatedHistogram } from '../../../../routes/admin/metrics/accumulated-histogram.ts'
import type {
  MetricFamily,
  MetricValue,
  MetricValues,
} from '../../../../routes/admin/metrics/metric-values.ts'
import { MetricsPage } from '../../../../routes/admin/metrics/metrics-page.ts'

type Values = Record<string, number>

/** Makes a metric of nodes whose values may be changed. */
function metricOf(values: Values, { name = 'x', type = 'counter', aggregator = 'sum' } = {}): MetricFamily {
  const samples = (): MetricValue[] =>
    Object.entries(values).map(([node, value]) => ({ labels: { service: 's', node }, value }))
  return { name, help: 'Help.', type, aggregator: aggregator as 'sum', samples }
}

function nodes(count: number, value = 1): Values {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, value]))
}

async function linesOf(page: MetricsPage, families: readonly MetricFamily[]): Promise<string[]> {
  return (await page.text(families))
    .join('')
    .split('\n')
    .filter(line => /^\w/.test(line))
}

/** Reads a page by its series, and checks that none is there twice. */
async function read(
  page: MetricsPage,
  families: readonly MetricFamily[],
): Promise<ReadonlyMap<string, number>> {
  const lines = await linesOf(page, families)
  const series = new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  )
  assert.equal(series.size, lines.length)
  return series
}

const OTHER = 'x{service="other",node="other"}'
const sum = (series: ReadonlyMap<string, number>) =>
  [...series].reduce((all, [name, value]) => (name.startsWith('x') ? all + value : all), 0)

test('a page that fits has every series and says that nothing is merged', async () => {
  const page = new MetricsPage(100)
  const series = await read(page, [metricOf(nodes(99))])
  assert.equal(series.size, 100)
  assert.equal(series.get('waygate_metrics_overflow'), 0)
  assert.equal(series.has(OTHER), false)
})

test('a page is never larger than its cap; the rest is one series named other, and says so', async () => {
  const page = new MetricsPage(1_000)
  const small = metricOf(nodes(3), { name: 'y' })
  const families = [metricOf(nodes(10_000)), small, metricOf(nodes(2_000, 2), { name: 'z', type: 'gauge' })]
  const series = await read(page, families)
  assert.ok(series.size <= 1_000 && series.size > 900, `${series.size}`)
  assert.equal(sum(series), 10_000)
  assert.equal(series.get('waygate_metrics_overflow'), 1)
  assert.equal([...series.keys()].filter(name => name.startsWith('y')).length, 3)
  assert.ok(series.get('z{service="other",node="other"}')! > 2_000)
})

test('gauges are merged as those of several processes are', async () => {
  const values = nodes(500)
  values.n499 = 9
  values.n498 = 0
  for (const [aggregator, expected] of [
    ['max', 9],
    ['min', 0],
  ] as const) {
    const page = new MetricsPage(100)
    const series = await read(page, [metricOf(values, { type: 'gauge', aggregator })])
    assert.equal(series.get(OTHER), expected, aggregator)
  }
})

test('a counter named other counts on, whatever comes and goes, and takes nothing over', async () => {
  const page = new MetricsPage(100)
  const values = nodes(200, 10)
  const before = await read(page, [metricOf(values)])
  const named = [...before.keys()].filter(name => name.startsWith('x') && name !== OTHER)
  const idOf = (name: string) => /node="(.*)"/.exec(name)![1]!
  const other = before.get(OTHER)!
  assert.equal(other, (200 - named.length) * 10)
  // A node in it is gone, another counts on, and a third began anew.
  delete values.n199
  values.n198! += 5
  values.n197 = 3
  // Of the nodes with a name of their own, one is gone, and its place is taken only on the page after.
  delete values[idOf(named[0]!)]
  const second = await read(page, [metricOf(values)])
  assert.equal(second.get(OTHER), other + 5 + 3)
  assert.equal(second.size, before.size - 1)
  const third = await read(page, [metricOf(values)])
  assert.equal(third.size, before.size)
  assert.equal(third.get(OTHER), other + 8)
  // The name goes to another node for good.
  const added = [...third.keys()].filter(name => !before.has(name))
  assert.equal(added.length, 1)
  values[idOf(added[0]!)]! += 7
  const fourth = await read(page, [metricOf(values)])
  assert.equal(fourth.get(OTHER), other + 8)
  // More metrics leave fewer places. What had a name is not counted twice.
  const fifth = await read(page, [metricOf(values), metricOf(nodes(200), { name: 'y' })])
  assert.ok(fifth.size <= 100)
  assert.equal(fifth.get(OTHER), other + 8)
})

test('a node that is called other does not appear twice', async () => {
  const page = new MetricsPage(100)
  const values = { ...nodes(200), other: 5 }
  const samples = () => [
    { labels: { service: 'other', node: 'other' }, value: 5 },
    ...metricOf(values).samples(),
  ]
  const series = await read(page, [{ ...metricOf({}), samples }])
  assert.equal(sum(series), 210)
})

test('labels with few values are kept, so that statuses can still be told apart', async () => {
  const page = new MetricsPage(300)
  const samples = function* () {
    for (let i = 0; i < 2_000; i++) {
      yield {
        labels: { route: `r${i}`, service: 's', node: 'n', status: String(200 + (i % 2) * 300) },
        value: 1,
      }
    }
  }
  const series = await read(page, [{ ...metricOf({}), samples }])
  const of = (status: string) =>
    series.get(`x{route="other",service="other",node="other",status="${status}"}`)!
  assert.ok(of('200') > 800 && of('500') > 800)
  assert.equal(sum(series), 2_000)
})

test('labels with more values than expected do not exceed the cap either', async () => {
  const page = new MetricsPage(100)
  const samples = function* () {
    for (let i = 0; i < 900; i++) yield { labels: { route: `r${i}`, status: String(100 + i) }, value: 1 }
  }
  for (let time = 0; time < 2; time++) {
    const series = await read(page, [{ ...metricOf({}), samples }])
    assert.ok(series.size <= 100, `${series.size}`)
    assert.equal(sum(series), 900)
    assert.ok(series.get('x{route="other",status="other"}')! > 800)
  }
})

test('histograms are merged whole', async () => {
  const page = new MetricsPage(100)
  const histogram = new AccumulatedHistogram('x', 'Help.', [1, 2])
  for (let i = 0; i < 100; i++) {
    const route = histogram.add({ route: `r${i}` })
    for (const value of [0.5, 1.5, 3]) route.observe(value)
  }
  const series = await read(page, [histogram])
  assert.ok(series.size <= 100 && series.size > 90, `${series.size}`)
  const count = series.get('x_count{route="other"}')!
  assert.equal(count, 300 - 3 * [...series.keys()].filter(name => /^x_count\{route="r/.test(name)).length)
  assert.equal(series.get('x_bucket{le="1",route="other"}'), count / 3)
  assert.equal(series.get('x_bucket{le="+Inf",route="other"}'), count)
  assert.equal(series.get('x_sum{route="other"}'), (count / 3) * 5)
})

test('pages that are made at the same time count each request once', async () => {
  const page = new MetricsPage(100)
  const values = nodes(5_000)
  const pages = await Promise.all([1, 2, 3].map(() => read(page, [metricOf(values)])))
  for (const series of pages) assert.equal(sum(series), 5_000)
})

test('the values for another process are those of the page, in parts, and its overflow is told on', async () => {
  const [page, whole] = [new MetricsPage(2_000), new MetricsPage(2_000)]
  const parts: MetricValues[] = []
  for await (const part of page.values([metricOf(nodes(5_000))])) parts.push(part)
  const ofX = parts.filter(({ name }) => name === 'x')
  assert.ok(ofX.length > 2 && ofX.every(({ values }) => values.length <= 500))
  const families = parts.map(({ values, ...head }) => ({ ...head, samples: () => values }))
  const [told] = families.filter(({ name }) => name === 'waygate_metrics_overflow')
  const series = await read(whole, [metricOf(nodes(3)), told!])
  assert.equal(series.get('waygate_metrics_overflow'), 1)
})

test('the event loop goes on while a large page is made', async () => {
  const page = new MetricsPage()
  let turns = 0
  let isMaking = true
  const tick = () => {
    turns++
    if (isMaking) setImmediate(tick)
  }
  setImmediate(tick)
  await page.text([metricOf(nodes(60_000))])
  isMaking = false
  assert.ok(turns > 5, `${turns}`)
})
