import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrafficHistory } from '../../../internal/telemetry/traffic-history.ts'

/** Records requests of one route that all took 10 ms. */
function record(history: TrafficHistory, count: number, route = 'r', status = 200): void {
  for (let i = 0; i < count; i++) history.record(route, `of-${route}`, status, 10)
}

test('a sample has the counts of its 5 s, and the times of its requests', () => {
  const history = new TrafficHistory()
  record(history, 3)
  record(history, 2, 'r', 404)
  record(history, 1, 'r', 503)
  history.sample(5_000)
  record(history, 1)
  history.sample(10_000)
  const [first, second] = history.samplesOf(history.routes.get('r'))
  assert.deepEqual([first!.t, ...first!.figures.slice(0, 3)], [5_000, 6, 2, 1])
  assert.deepEqual([second!.t, ...second!.figures.slice(0, 3)], [10_000, 1, 0, 0])
  for (const ms of first!.figures.slice(3)) assert.ok(Math.abs(ms! - 10) < 0.6)
  assert.deepEqual(
    history.samplesOf(history.services.get('of-r')),
    history.samplesOf(history.routes.get('r')),
  )
  assert.deepEqual(history.samplesOf(history.total), history.samplesOf(history.routes.get('r')))
})

test('samples without requests are left out, and only those of ten minutes are kept', () => {
  const history = new TrafficHistory()
  for (let i = 1; i <= 300; i++) {
    if (i % 2 === 0) record(history, i)
    history.sample(i * 5_000)
  }
  const samples = history.samplesOf(history.total)
  assert.equal(samples.length, 60)
  assert.deepEqual([samples[0]!.t, samples[0]!.figures[0]], [182 * 5_000, 182])
  assert.deepEqual([samples.at(-1)!.t, samples.at(-1)!.figures[0]], [300 * 5_000, 300])
})

test('a route that had no requests for ten minutes is dropped', () => {
  const history = new TrafficHistory()
  record(history, 1, 'idle')
  record(history, 1, 'busy')
  for (let i = 0; i < 120; i++) history.sample(i)
  assert.equal(history.routes.has('idle'), true, 'its last sample is still to be seen')
  record(history, 1, 'busy')
  history.sample(120)
  assert.deepEqual([...history.routes.keys()], ['busy'])
  assert.deepEqual([...history.services.keys()], ['of-busy'])
})

test('at most 2,000 routes and services are followed, and others get their places', () => {
  const history = new TrafficHistory()
  for (let i = 0; i < 1_500; i++) record(history, 1, `r${i}`)
  assert.equal(history.routes.size + history.services.size, 2_000)
  assert.equal(history.total.n, 1_500)
  for (let i = 0; i < 121; i++) history.sample(i)
  record(history, 1, 'late')
  assert.deepEqual([...history.routes.keys()], ['late'])
})

test('a tunnel counts, and its time does not', () => {
  const history = new TrafficHistory()
  history.record('r', 's', 101, undefined)
  history.sample(1)
  assert.deepEqual(history.samplesOf(history.total)[0]!.figures, [1, 0, 0, null, null])
})

test('a request is slow when it takes 4 times as long as 99 percent of those before', () => {
  const history = new TrafficHistory()
  assert.equal(history.record('r', 's', 200, 60_000), false, 'nothing is known yet')
  history.sample(1)
  record(history, 2_000)
  history.sample(2)
  assert.equal(history.record('r', 's', 200, 30), false)
  assert.equal(history.record('r', 's', 200, 50), true)
  assert.equal(history.record('other', 's', 200, 50), false)
  assert.equal(history.record(undefined, undefined, 404, 50), false)
})

test('a route and a service take less than 6 KB each', () => {
  const histories: TrafficHistory[] = []
  const before = process.memoryUsage()
  for (let i = 0; i < 4; i++) {
    const history = new TrafficHistory()
    for (let j = 0; j < 1_000; j++) record(history, 3, `r${j}`)
    history.sample(1)
    histories.push(history)
  }
  const after = process.memoryUsage()
  const bytes = after.heapUsed + after.external - before.heapUsed - before.external
  const series = histories.reduce((sum, { routes, services }) => sum + routes.size + services.size, 0)
  assert.equal(series, 8_000)
  assert.ok(bytes / series < 6 * 1024, `${Math.round(bytes / series)} bytes each`)
})
