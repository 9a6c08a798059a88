import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTable } from '../../../cmd/cli/output.ts'
import { describeTotal, LiveWindow, sumOf, topColumns, topRows } from '../../../cmd/commands/top-rows.ts'
import type { Figures, LiveFigures, NodeFigures } from '../../../routes/admin/api-types.ts'

const services = [
  { name: 'idle', nodes: 0, usable: 0 },
  { name: 'busy', nodes: 3, usable: 3 },
  { name: 'sick', nodes: 2, usable: 1 },
]

test('counts are added up, and of times the worst are kept', () => {
  const samples: Figures[] = [
    [100, 10, 1, 2, 30],
    [0, 0, 0, null, null],
    [50, 0, 0, 3, 20],
  ]
  assert.deepEqual(sumOf(samples.map(figures => ({ t: 0, figures }))), [150, 10, 1, 3, 30])
  assert.deepEqual(sumOf([]), [0, 0, 0, null, null])
})

test('the services that fail most come first, and those without requests last', () => {
  const figures: Record<string, Figures> = { busy: [1_200, 12, 0, 1.25, 9.5], sick: [60, 0, 30, 5, 410.4] }
  const samplesOf = (name: string) => (figures[name] ? [{ t: 0, figures: figures[name] }] : [])
  const rows = topRows(services, samplesOf, name => (name === 'busy' ? 4 : null))
  assert.equal(
    formatTable(rows, topColumns(60, true)),
    [
      'SERVICE  NODES       REQ/S  4XX  5XX   P50     P99     IN FLIGHT',
      'sick     1/2 usable  1      0 %  50 %  5 ms    410 ms  -',
      'busy     3/3 usable  20     1 %  0 %   1.3 ms  9.5 ms  4',
      'idle     none        0      -    -     -       -       -',
    ].join('\n'),
  )
  assert.equal(
    describeTotal([1_260, 12, 30, 5, 410.4], 60),
    '21 requests/s   4xx 1 %   5xx 2.4 %   p50 5 ms   p99 410 ms',
  )
})

test('a window of ticks forgets the oldest, and what a tick does not name is as it was', () => {
  const node = (inFlight: number): NodeFigures => [inFlight, 0, 0, null, null, 'closed', 'healthy', 'up']
  const tick = (n: number, nodes: Record<string, NodeFigures>): LiveFigures => ({
    ...{ t: 0, total: [n, 0, 0, 1, 1], inFlight: 0, retries: 0, routes: {}, nodes },
    services: n === 5 ? { user: [n, 0, 0, 1, 1] } : {},
  })
  const window = new LiveWindow(2)
  assert.equal(window.seconds, 0)
  window.add(tick(5, { 'user/a': node(3), 'user/b': node(4), 'users/c': node(9) }))
  window.add(tick(0, { 'user/a': node(1) }))
  assert.deepEqual([window.seconds, window.total()[0]], [2, 5])
  assert.deepEqual(sumOf(window.samplesOf('user')!), [10, 0, 0, 1, 1])
  assert.deepEqual([window.inFlightOf('user'), window.inFlightOf('none')], [5, 0])
  window.add(tick(7, {}))
  assert.deepEqual([window.seconds, window.total()[0]], [2, 7])
  window.add({ ...tick(5, { 'user/a': node(2) }), omitted: 'none' })
  assert.equal(window.inFlightOf('user'), 2, 'a tick of all rows leaves out those that have nothing to do')
  window.add({ ...tick(0, {}), omitted: 'none' })
  assert.equal(sumOf(window.samplesOf('user')!)[0], 5)
  window.clear()
  assert.deepEqual([window.seconds, window.inFlightOf('user')], [0, 0])
})

test('of a service that is left out because there are too many, nothing is known, which is not nothing', () => {
  const window = new LiveWindow(2)
  const tick: LiveFigures = {
    ...{ t: 0, total: [9, 0, 0, 1, 1], inFlight: 0, retries: 0, routes: {}, omitted: 'unknown', nodes: {} },
    services: { busy: [9, 0, 0, 1, 1] },
  }
  window.add(tick)
  const rowsOf = () =>
    topRows(
      ['quiet', 'busy'].map(name => ({ name, nodes: 1, usable: 1 })),
      name => window.samplesOf(name),
      name => window.inFlightOf(name),
    )
  const cells = () => rowsOf().map(row => topColumns(1, true).map(({ cell }) => cell(row) ?? '-'))
  assert.deepEqual(cells(), [
    ['busy', '1/1 usable', '9', '0 %', '0 %', '1 ms', '1 ms', '-'],
    ['quiet', '1/1 usable', '-', '-', '-', '-', '-', '-'],
  ])
  for (let i = 0; i < 2; i++) window.add({ ...tick, omitted: 'none' })
  assert.deepEqual(
    rowsOf().map(({ requests, inFlight }) => [requests, inFlight]),
    [
      [18, 0],
      [0, 0],
    ],
  )
})

test('a service with a name that all objects have, and without requests, has no figures', () => {
  const window = new LiveWindow(2)
  const total: Figures = [0, 0, 0, null, null]
  window.add({ t: 0, total, inFlight: 0, retries: 0, routes: {}, services: {}, nodes: {} })
  for (const name of ['constructor', 'valueOf']) assert.deepEqual(window.samplesOf(name), [])
})
