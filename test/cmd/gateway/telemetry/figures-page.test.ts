import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figuresPage } from '../../../../cmd/gateway/telemetry/figures-page.ts'
import { TrafficHistory } from '../../../../internal/telemetry/traffic-history.ts'

test('figures of many routes are collected in turns of the event loop', async t => {
  const history = new TrafficHistory()
  for (let step = 1; step <= 120; step++) {
    for (let i = 0; i < 1_000; i++) history.record(`r${i}`, `s${i}`, 200, 1)
    history.sample(step * 5_000)
  }
  let turns = 0
  let next: NodeJS.Immediate
  const count = () => {
    turns++
    next = setImmediate(count)
  }
  count()
  t.after(() => clearImmediate(next))
  const { routes, services, total } = await figuresPage(history)
  assert.ok(turns > 3, `${turns} turns`)
  assert.deepEqual(
    [total.length, Object.keys(routes).length, Object.keys(services).length],
    [120, 1_000, 1_000],
  )
  assert.deepEqual(routes.r999, history.samplesOf(history.routes.get('r999')))
})
