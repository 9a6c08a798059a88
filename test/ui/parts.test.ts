import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationText, millis, percent, rate } from '../../internal/telemetry/format.ts'
import type { ChangeEntry, RequestEntry } from '../../routes/admin/api-types.ts'
import { attentionLines } from '../../ui/attention.ts'
import { diffLines, shortened } from '../../ui/diff.ts'
import { Model } from '../../ui/model.ts'
import { linkTo, readPlace } from '../../ui/place.ts'
import { Series } from '../../ui/series.ts'
import { filterRows } from '../../ui/table-filter.ts'

test('a place is read back from its link, whatever its names contain', () => {
  for (const args of [['user'], ['user', 'n/1'], ['a?b#c%20&d', 'ä €']]) {
    const place = readPlace(
      linkTo('services', args, { filter: 'status:5xx ms>100', sort: '-rps', empty: '' }),
    )
    assert.equal(place.view, 'services')
    assert.deepEqual(place.args, args)
    assert.deepEqual(
      [...place.params],
      [
        ['filter', 'status:5xx ms>100'],
        ['sort', '-rps'],
      ],
    )
  }
  for (const hash of ['', '#', '#/', '#/nowhere/else', '#/%E0%A4%A', '#constructor']) {
    assert.equal(readPlace(hash).view, 'overview', hash)
  }
})

test('figures of seconds become rates of the last five, and steps of five', () => {
  const series = new Series()
  for (let second = 1; second <= 20; second++)
    series.add(second * 1_000, [10, 1, second > 15 ? 5 : 0, 2, second])
  const present = series.present(20_000)
  assert.deepEqual(present, { rate: 10, share4: 0.1, share5: 0.5, p50: 2, p99: 20, isStale: false })
  assert.deepEqual(
    series.samples.map(({ t, figures }) => [t, figures[0], figures[2]]),
    [
      [5_000, 50, 0],
      [10_000, 50, 0],
      [15_000, 50, 0],
      [20_000, 50, 25],
    ],
  )
  assert.deepEqual(series.between(10_000, 20_000), { n: 100, c5: 25 })
  assert.equal(series.present(60_000).rate, 0, 'nothing was heard for a while')
  series.add(700_000, [1, 0, 0, 1, 1])
  assert.equal(series.samples.length, 1, 'ten minutes are kept')
})

test('traffic before a change is that since the gateway began to count, if that is less than a minute', () => {
  const series = new Series()
  const [since, at] = [1_000_000, 1_020_000]
  for (let t = since + 1_000; t <= at + 60_000; t += 1_000) series.add(t, [10, 0, t > at ? 5 : 0, 1, 1])
  const now = at + 60_000
  assert.deepEqual(series.around(at, now, since), {
    before: { rate: 10, share5: 0 },
    after: { rate: 10, share5: 0.5 },
  })
  assert.equal(series.around(since + 3_000, now, since), undefined, 'too little is known of before')
  assert.equal(series.around(now - 3_000, now, since), undefined, 'too little is known of after')
  assert.equal(series.around(now - 590_000, now, 0), undefined, 'what was before is no longer kept')
})

test('what the gateway has kept takes the place of what the page saw of it, and later seconds stay', () => {
  const series = new Series()
  series.add(4_000, [3, 0, 0, 1, 1])
  series.add(6_000, [4, 0, 0, 1, 1])
  series.replace([{ t: 5_000, figures: [40, 0, 0, 1, 1] }])
  assert.deepEqual(
    series.samples.map(({ t, figures }) => [t, figures[0]]),
    [
      [5_000, 40],
      [10_000, 4],
    ],
  )
})

/** Hands events to a model, as the stream does. */
function modelOf(...events: readonly (readonly [type: string, value: object])[]): Model {
  const model = new Model(() => {})
  for (const [type, value] of events) model.apply({ type, data: JSON.stringify(value) })
  return model
}

const NODE = {
  id: 'n1',
  address: '127.0.0.1:1',
  weight: 1,
  metadata: {},
  state: 'up',
  breaker: 'closed',
  health: 'healthy',
  inFlight: 0,
  requests: 0,
  failures: 0,
  timeouts: 0,
}
const SERVICE = {
  name: 'user',
  panicking: false,
  retries: { budget: 'available', inFlight: 0, begun: 0, hedges: 0, refused: 0 },
  nodes: [NODE],
}
const NOTHING = { routes: [], services: [] }
const WHOLE = { whole: true, revision: '1', routes: [], services: [SERVICE], gone: NOTHING }
const figures = (t: number, rows: object = {}) =>
  [
    'figures',
    {
      t,
      total: [0, 0, 0, null, null],
      inFlight: 0,
      retries: 0,
      routes: {},
      services: {},
      nodes: {},
      ...rows,
    },
  ] as const

test('a row that is left out of the figures is as it was, and one that has no requests any more is told', () => {
  const busy = { services: { user: [7, 0, 0, 1, 2] } }
  const model = modelOf(
    ['table', WHOLE],
    figures(1_000, busy),
    figures(2_000),
    figures(3_000),
    figures(4_000),
    figures(5_000),
  )
  assert.equal(model.serviceSeries.get('user')?.present(5_000).rate, 7)
  const idle = modelOf(
    ['table', WHOLE],
    figures(1_000, busy),
    figures(2_000, { services: { user: [0, 0, 0, null, null] } }),
    figures(9_000),
  )
  assert.equal(idle.serviceSeries.get('user')?.present(9_000).rate, 0)
})

test('of rows that are left out, figures may say that they have no requests, or that they are not known', () => {
  const busy = {
    services: { user: [7, 0, 0, 1, 2] },
    nodes: { 'user/n1': [1, 7, 0, 1, 2, 'open', 'unhealthy', 'up'] },
  }
  const idle = modelOf(
    ['table', WHOLE],
    figures(1_000, busy),
    figures(2_000, { omitted: 'none' }),
    figures(9_000),
  )
  assert.equal(idle.serviceSeries.get('user')?.present(9_000).rate, 0)
  assert.deepEqual(idle.nodes.get('user/n1')?.figures, [0, 0, 0, null, null, 'closed', 'healthy', 'up'])

  const unknown = { omitted: 'unknown' }
  const model = modelOf(
    ['table', WHOLE],
    figures(1_000, busy),
    figures(2_000, unknown),
    figures(3_000, unknown),
  )
  const shown = (now: number) => {
    const { rate, isStale } = model.serviceSeries.get('user')!.present(now)
    return [rate, isStale, model.nodes.get('user/n1')!.present(now).isStale]
  }
  assert.deepEqual(shown(4_000), [1.4, false, false])
  assert.deepEqual(shown(4_001), [1.4, true, true], 'it is marked after 3 s')
  assert.deepEqual(shown(15_000), [1.4, true, true], 'the rate is that of the last second that was told')
  assert.deepEqual(shown(16_001), [0, false, false], 'and is forgotten')
})

test('retries of the steps of a series are added up', () => {
  const series = new Series()
  series.add(1_000, [2, 0, 0, 1, 1, 3])
  series.add(2_000, [2, 0, 0, 1, 1])
  series.add(3_000, [2, 0, 0, 1, 1, 1])
  assert.deepEqual(
    series.samples.map(({ figures }) => figures[5]),
    [4],
  )
})

test('a part of the table changes what it names, and the whole of it forgets what it does not', () => {
  const model = modelOf(
    ['table', WHOLE],
    ['table', { ...WHOLE, whole: false, revision: '2', services: [{ ...SERVICE, name: 'task' }] }],
    [
      'table',
      { ...WHOLE, whole: false, revision: '3', services: [], gone: { routes: [], services: ['user'] } },
    ],
  )
  assert.deepEqual([model.revision, ...model.services.keys()], ['3', 'task'])
  model.apply({ type: 'table', data: JSON.stringify({ ...WHOLE, revision: '4' }) })
  assert.deepEqual([...model.services.keys()], ['user'])
})

test('requests wait while the tail is paused, and none comes twice', () => {
  const request = (requestId: string) => ({ requestId })
  const model = modelOf(['requests', { items: [request('1'), request('2')], lost: 0 }])
  model.pause(true)
  model.apply({ type: 'requests', data: JSON.stringify({ items: [request('2'), request('3')], lost: 4 }) })
  assert.deepEqual(
    model.tail.map(({ requestId }) => requestId),
    ['2', '1'],
  )
  assert.equal(model.waiting.length, 1)
  model.pause(false)
  assert.deepEqual(
    model.tail.map(({ requestId }) => requestId),
    ['3', '2', '1'],
  )
  assert.equal(model.lost, 4)
})

test('changes that were loaded take no change away that the stream has brought, and none comes twice', () => {
  const change = (revision: string) => ({ revision, key: '/services/user/n1', at: Number(revision) })
  const model = modelOf(['change', change('1')])
  model.setStream({ kind: 'live' })
  const brought = (revision: string) =>
    model.apply({ type: 'change', data: JSON.stringify(change(revision)) })
  brought('5')
  brought('6')
  model.setChanges([change('5'), change('4')] as ChangeEntry[])
  const revisions = () => model.changes.map(({ revision }) => revision)
  assert.deepEqual(revisions(), ['6', '5', '4'], 'those of before the stream are as they were loaded')
  model.setChanges([change('7'), change('6'), change('5')] as ChangeEntry[])
  brought('7')
  brought('8')
  assert.deepEqual(revisions(), ['8', '7', '6', '5'])
})

test('requests that were loaded take none away that the stream has brought, and the newest stay first', () => {
  const request = (at: number) => ({ requestId: `${at}`, at, totalMs: 1 }) as RequestEntry
  const model = new Model(() => {})
  const bring = (...items: RequestEntry[]) =>
    model.apply({ type: 'requests', data: JSON.stringify({ items, lost: 0 }) })
  const shown = () => model.tail.map(({ requestId }) => requestId)
  model.setStream({ kind: 'connecting' })
  model.setStream({ kind: 'live' })
  bring(request(1), request(2))
  model.setStream({ kind: 'connecting' })
  model.setTail([request(5)])
  assert.deepEqual(shown(), ['5'], 'what came for another filter is gone')
  model.setStream({ kind: 'live' })
  bring(request(6), request(7))
  model.pause(true)
  bring(request(8))
  model.setTail([request(6), request(5)])
  assert.deepEqual(shown(), ['8', '7', '6', '5'])
  model.pause(false)
  model.setTail([request(7), request(4)])
  assert.deepEqual(shown(), ['8', '7', '6', '4'])
})

test('a tail is called a sample as long as it is one, and of its own filter alone', t => {
  t.mock.timers.enable({ apis: ['Date'] })
  const model = new Model(() => {})
  const bring = (more: object) =>
    model.apply({ type: 'requests', data: JSON.stringify({ items: [], lost: 1, ...more }) })
  bring({ perSecond: 400 })
  assert.equal(model.perSecond, 400)
  t.mock.timers.tick(3_000)
  assert.equal(model.perSecond, undefined, 'nothing has come for 3 s')
  bring({ perSecond: 400 })
  bring({})
  assert.equal(model.perSecond, undefined)
  bring({ perSecond: 400 })
  model.setTail([])
  assert.equal(model.perSecond, undefined, 'there is another filter')
})

test('the changes of a route are not those of other things with its id', () => {
  const change = (kind: string, id: string, more: object = {}) => ({
    key: `/${kind}/${id}`,
    kind,
    id,
    ...more,
  })
  const model = modelOf(
    ['change', change('route', 'user')],
    ['change', change('route', 'other')],
    ['change', change('policy-set', 'user')],
    ['change', change('node', 'user', { service: 'task' })],
    ['change', change('node', 'n1', { service: 'users' })],
  )
  const keys = (service: string) => model.changesOf(service, new Set(['user'])).map(({ key }) => key)
  assert.deepEqual(keys('users'), ['/node/n1', '/route/user'])
  assert.deepEqual(keys(''), ['/route/user'])
})

test('what needs attention comes with the worst first, and many nodes with one fault are one line', () => {
  const calm = modelOf(['table', WHOLE])
  assert.deepEqual(attentionLines(calm), [])
  const nodes = Array.from({ length: 9 }, (_, index) => ({
    ...NODE,
    id: `n${index}`,
    breaker: index < 6 ? 'open' : 'closed',
  }))
  const model = modelOf(
    [
      'table',
      {
        ...WHOLE,
        services: [
          { ...SERVICE, nodes },
          { ...SERVICE, name: 'task', retries: { ...SERVICE.retries, budget: 'exhausted' } },
          { ...SERVICE, name: 'mail', nodes: [] },
        ],
      },
    ],
    ['problem', { items: [{ key: '/waygate/routes/a', reason: 'no' }] }],
  )
  assert.deepEqual(
    attentionLines(model).map(({ severity, subject, text }) => `${severity} ${subject}: ${text}`),
    [
      'bad user: 6 of 9 nodes: breaker open',
      'bad mail: has no nodes',
      'warn task: the budget for retries is exhausted',
      'warn /waygate/routes/a: no',
    ],
  )
})

test('a problem leads to the route whose document has it, not to one that is called like another key', () => {
  const sources = [
    { name: '/waygate/routes/', scope: 'routes' },
    { name: '/waygate/policies/', scope: 'policies' },
  ]
  const model = modelOf(
    ['table', { ...WHOLE, routes: [{ id: 'shop', broken: true }, { id: 'team/shop' }] }],
    ['source', { stale: false, sources }],
    [
      'problem',
      {
        items: ['/waygate/policies/shop', '/waygate/routes/shop', '/waygate/routes/team/shop', 'shop'].map(
          key => ({ key, reason: 'no' }),
        ),
      },
    ],
  )
  assert.deepEqual(
    attentionLines(model).map(({ severity, subject, href }) => `${severity} ${subject} ${href}`),
    [
      'bad /waygate/routes/shop #/routes/shop',
      'bad shop #/routes/shop',
      'warn /waygate/policies/shop #/source',
      'warn /waygate/routes/team/shop #/routes/team%2Fshop',
    ],
  )
})

test('a node is shown as its last figures say, not as the table said before', () => {
  const model = modelOf(
    ['table', WHOLE],
    figures(1_000, { nodes: { 'user/n1': [0, 0, 0, null, null, 'open', 'healthy', 'up'] } }),
  )
  assert.deepEqual(
    attentionLines(model).map(({ subject, text }) => `${subject}: ${text}`),
    ['user: none of 1 node is well', 'user/n1: breaker open'],
  )
})

test('a node that fails at two tries in a row is shown before its breaker opens, until it answers or has no tries', () => {
  const second = (t: number, n: number, failures: number) =>
    figures(t, { nodes: { 'user/n1': [0, n, failures, null, null, 'closed', 'healthy', 'up'] } })
  const faultsAfter = (...seconds: readonly ReturnType<typeof second>[]) =>
    attentionLines(modelOf(['table', WHOLE], ...seconds)).map(({ text }) => text)
  assert.deepEqual(faultsAfter(second(1_000, 3, 1), second(2_000, 1, 1)), [])
  const failing = [second(1_000, 2, 1), second(2_000, 1, 1), second(3_000, 1, 1)]
  assert.deepEqual(faultsAfter(...failing), ['none of 1 node is well', 'all tries fail'])
  assert.deepEqual(faultsAfter(...failing, second(4_000, 0, 0)).length, 2)
  assert.deepEqual(faultsAfter(...failing, second(4_000, 2, 1)), [])
  assert.deepEqual(faultsAfter(...failing, second(9_000, 0, 0)), [])
})

test('texts are compared by lines, and JSON by its values', () => {
  const lines = (before: string | null, after: string | null) =>
    diffLines(before, after).map(({ kind, text }) => `${{ same: ' ', old: '-', new: '+' }[kind]}${text}`)
  assert.deepEqual(lines('{"a":1,"b":2}', '{ "a": 1, "b": 3 }'), [
    ' {',
    '   "a": 1,',
    '-  "b": 2',
    '+  "b": 3',
    ' }',
  ])
  assert.deepEqual(lines(null, 'x'), ['+x'])
  assert.deepEqual(lines('x', null), ['-x'])
  assert.deepEqual(lines('{"a":1}', '{"a":1,"b":2}'), [' {', '   "a": 1,', '+  "b": 2', ' }'])
  assert.deepEqual(lines('{"a":1}', '{"a": 1}'), [' {', '   "a": 1', ' }'])
  const long = JSON.stringify(
    Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`k${index}`, index])),
  )
  const shown = shortened(diffLines(long, long.replace('"k15":15', '"k15":0')))
  assert.equal(shown.length, 10)
  assert.deepEqual([shown[0], shown.at(-1)], [null, null])
})

test('long texts are compared as well: what both begin and end with is found, whatever is between', () => {
  const long = (middle: string) => `${'same\n'.repeat(50_000)}${middle}${'\nend'.repeat(50_000)}`
  const shown = shortened(diffLines(long('x'), long('y\nz')))
  assert.deepEqual(
    shown.map(line => line && `${{ same: ' ', old: '-', new: '+' }[line.kind]}${line.text}`),
    [null, ' same', ' same', ' same', '-x', '+y', '+z', ' end', ' end', ' end', null],
  )
  const other = (prefix: string) => Array.from({ length: 100_000 }, (_, n) => `${prefix}${n}`).join('\n')
  const lines = diffLines(other('a'), other('b'))
  assert.equal(lines.length, 200_000)
  assert.ok(lines.every(({ kind }, index) => kind === (index < 100_000 ? 'old' : 'new')))
})

test('tables have further fields in the language of filters', () => {
  const rows = [
    { id: 'a', auth: ['jwt'], rps: 3 },
    { id: 'b', auth: ['none'], rps: 30 },
  ]
  const filter = (text: string) => {
    const { rows: found, error } = filterRows(rows, text, {
      texts: { route: ({ id }) => id, service: () => 'user', auth: ({ auth }) => auth },
      numbers: { rps: ({ rps }) => rps },
      searched: ({ id }) => [id],
    })
    return error ?? found.map(({ id }) => id).join()
  }
  assert.equal(filter(''), 'a,b')
  assert.equal(filter('auth:none'), 'b')
  assert.equal(filter('-auth:none service:user'), 'a')
  assert.equal(filter('rps>3'), 'b')
  assert.equal(filter('rps>=3 route:a'), 'a')
  assert.match(filter('color:red'), /"color"; the fields are route, service, auth, rps/)
})

test('figures are short, and never pretend to be nothing', () => {
  assert.deepEqual([0, 0.01, 0.4, 7, 12.6, 1_086, 41_000].map(rate), [
    '0',
    '<0.1',
    '0.4',
    '7',
    '13',
    '1,086',
    '41k',
  ])
  assert.deepEqual([0, 0.0004, 0.004, 0.5, 1].map(percent), ['0 %', '<0.1 %', '0.4 %', '50 %', '100 %'])
  assert.deepEqual([null, 0, 0.25, 2.04, 46.4, 1_200].map(millis), [
    '–',
    '0 ms',
    '0.25 ms',
    '2 ms',
    '46 ms',
    '1.2 s',
  ])
  assert.deepEqual([300, 42_000, 180_000, 7_200_000, 432_000_000].map(durationText), [
    '0.3 s',
    '42 s',
    '3 min',
    '2 h',
    '5 d',
  ])
})
