import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type {
  ChangeEntry,
  LiveFigures,
  LiveProblems,
  LiveRequests,
  LiveTablePart,
} from '../../../../routes/admin/api-types.ts'
import { LiveStreams } from '../../../../routes/admin/live/live-streams.ts'
import {
  FakeApi,
  requestEntry,
  routeList,
  SOURCE,
  serviceOf,
  startAdmin,
} from '../../../support/api-pages.ts'
import { openEvents } from '../../../support/event-stream.ts'
import { type ApiDocument, answerChecker } from '../../../support/openapi.ts'
import { until } from '../../../support/until.ts'

const FIGURES: LiveFigures = {
  ...{ t: 1, total: [3, 1, 0, 2, 9], inFlight: 0, retries: 0 },
  routes: { user: [3, 1, 0, 2, 9] },
  services: { user: [3, 1, 0, 2, 9] },
  nodes: { 'user/u1': [0, 3, 0, 2, 9, 'closed', 'unchecked', 'up'] },
}

/** All rows of a second in which {@link FIGURES} are those that have changed. */
const WHOLE: LiveFigures = {
  ...FIGURES,
  omitted: 'none',
  services: { ...FIGURES.services, steady: [7, 0, 0, 1, 1] },
}

const CHANGE: ChangeEntry = {
  ...{
    revision: '8',
    at: 1,
    source: '/services/',
    kind: 'node',
    key: '/services/user/u1',
    id: 'u1',
    service: 'user',
  },
  ...{ before: null, after: '{}' },
}

test('a viewer that has gone before its stream begins takes no place, and nothing is measured for it', async t => {
  const fake = new FakeApi()
  const streams = new LiveStreams({
    ...{ api: fake.api, routes: fake.pages.routes },
    onInternalError: error => assert.fail(String(error)),
  })
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const request = get({ port, host: '127.0.0.1', agent: false }).on('error', () => {})
  const [, raw] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  const closed = once(raw, 'close')
  request.destroy()
  await closed
  const viewer = {
    ...{ owner: 'a', figures: true, tail: undefined, rows: undefined },
    ...{ isMasked: false, mayGoOn: () => true },
  }
  streams.open(raw, viewer)
  assert.equal(fake.listeners.size, 0)
})

test('a viewer gets the whole table at first, and then what changes, as the OpenAPI document says', async t => {
  const { fake, port, ask } = await startAdmin(t)
  const check = answerChecker((await ask('/api/v1/openapi.json')).json() as unknown as ApiDocument)
  const stream = await openEvents(t, port, '/api/v1/live?figures=1&tail=')
  assert.equal(stream.response.headers['content-type'], 'text/event-stream; charset=utf-8')
  const next = async <Data>(event: string) => {
    const data = await stream.next<Data>(event)
    check.event(event, data)
    return data
  }
  const table = await next<LiveTablePart>('table')
  assert.deepEqual(
    [table.whole, table.revision, table.routes[0]!.id, table.services[0]!.name],
    [true, '7', 'user', 'user'],
  )
  assert.deepEqual(await next('source'), SOURCE)
  assert.deepEqual(await next('problem'), { items: [] })

  const [user] = fake.list.routes
  fake.list = routeList({
    revision: '9',
    routes: [{ ...user!, id: 'new' }],
    services: [serviceOf('user', ['u1', 'u2'])],
  })
  fake.watcher.onTable({ revision: '8', routes: ['user'], services: [] })
  fake.watcher.onTable({ revision: '9', routes: ['new'], services: ['user', 'old'] })
  const part = await next<LiveTablePart>('table')
  assert.deepEqual(
    part.routes.map(({ id }) => id),
    ['new'],
  )
  assert.deepEqual(
    part.services.map(({ name, nodes }) => [name, nodes.length]),
    [['user', 2]],
  )
  assert.deepEqual(
    [part.whole, part.revision, part.gone],
    [false, '9', { routes: ['user'], services: ['old'] }],
  )

  fake.watcher.onFigures(FIGURES, () => WHOLE)
  assert.deepEqual(await next('figures'), WHOLE, 'a viewer who has seen none gets all rows')
  fake.watcher.onFigures(FIGURES, () => WHOLE)
  assert.deepEqual(await next('figures'), FIGURES)
  fake.watcher.onChange(CHANGE)
  assert.deepEqual(await next('change'), CHANGE)
  fake.watcher.onSource({ ...SOURCE, connected: false, reason: 'gone' })
  assert.deepEqual(await next('source'), { ...SOURCE, connected: false, reason: 'gone' })
  fake.watcher.onProblems([{ key: 'k', reason: 'bad' }])
  assert.deepEqual(await next<LiveProblems>('problem'), { items: [{ key: 'k', reason: 'bad' }] })
  fake.tails[0]!.onRequest(requestEntry())
  assert.deepEqual(await next<LiveRequests>('requests'), { items: [requestEntry()], lost: 0 })
  fake.watcher.onTable({ revision: '9', routes: [], services: [] })
  assert.equal((await next<LiveTablePart>('table')).whole, true)
  fake.watcher.onBye('shutting down')
  assert.deepEqual(await next('bye'), { reason: 'shutting down' })
  assert.deepEqual(await stream.rest(), [])
})

test('what was not asked for is not sent, and nothing is watched when the last viewer has gone', async t => {
  const { fake, port } = await startAdmin(t)
  assert.equal(fake.listeners.size, 0)
  const plain = await openEvents(t, port, '/api/v1/live')
  const tailing = await openEvents(t, port, '/api/v1/live?tail=status:5xx')
  await plain.next('problem')
  await tailing.next('problem')
  assert.deepEqual([fake.tails.length, fake.tails[0]!.filter, fake.listeners.size], [1, 'status:5xx', 2])
  fake.watcher.onFigures(FIGURES, () => WHOLE)
  fake.tails[0]!.onRequest(requestEntry())
  fake.tails[0]!.onRequest(requestEntry({ status: 503 }))
  const { items } = await tailing.next<LiveRequests>('requests')
  assert.deepEqual(
    items.map(({ status }) => status),
    [503],
  )
  fake.watcher.onChange(CHANGE)
  await plain.next('change')
  assert.deepEqual(plain.events, [])
  tailing.response.destroy()
  await until('its requests are no longer watched', () => fake.listeners.size === 1)
  plain.response.destroy()
  await until('nothing is watched', () => fake.listeners.size === 0)
})

test('changes that come while the table is being read are sent after it', async t => {
  const { fake, port } = await startAdmin(t)
  const { api, pages } = fake
  let go = (_: unknown) => {}
  const held = new Promise(resolve => {
    go = resolve
  })
  const problems = api.problems.bind(api)
  Object.assign(api, { problems: () => held.then(problems) })
  const stream = await openEvents(t, port, '/api/v1/live')
  await stream.next('table')
  fake.list = routeList({ services: [serviceOf('user', ['u2'])] })
  fake.watcher.onChange(CHANGE)
  const away = { ...SOURCE, connected: false, reason: 'gone' }
  fake.watcher.onSource(away)
  fake.watcher.onProblems([{ key: 'k', reason: 'bad' }])
  fake.watcher.onTable({ revision: '8', routes: [], services: ['user'] })
  const listed = pages.routes
  await until('the change was looked up', async () => (await listed()).services[0]!.nodes[0]!.id === 'u2')
  // Changes are gathered for a quarter of a second.
  await new Promise(resolve => setTimeout(resolve, 300))
  assert.deepEqual(stream.events, [])
  go(undefined)
  const part = await stream.next<LiveTablePart>('table')
  assert.deepEqual([part.whole, part.services[0]!.nodes[0]!.id], [false, 'u2'])
  assert.deepEqual(await stream.next('source'), away)
  assert.deepEqual(await stream.next('problem'), { items: [{ key: 'k', reason: 'bad' }] })
  assert.deepEqual(await stream.next('change'), CHANGE)
})

test('a viewer that is too slow loses ticks and lines, which are counted, and then gets the whole table again', async t => {
  const { fake, port } = await startAdmin(t)
  const stream = await openEvents(t, port, '/api/v1/live?figures=1&tail=')
  await stream.next('problem')
  stream.response.pause()
  // More than the sockets between the two hold, for longer than requests are gathered.
  const large = { ...CHANGE, after: 'x'.repeat(8_192) }
  let sent = 0
  const begunAt = performance.now()
  for (let round = 0; round < 60 || performance.now() - begunAt < 300; round++) {
    for (let i = 0; i < 200; i++) fake.watcher.onChange(large)
    fake.watcher.onFigures(FIGURES, () => WHOLE)
    fake.tails[0]!.onRequest(requestEntry())
    sent++
    await new Promise(resolve => setImmediate(resolve))
  }
  stream.response.resume()
  assert.equal((await stream.next<LiveTablePart>('table')).whole, true)
  const { events } = stream
  const seen = () =>
    events.filter(({ event }) => event === 'requests').map(({ data }) => data as LiveRequests)
  await until('requests are sent again', () => {
    fake.tails[0]!.onRequest(requestEntry({ requestId: 'after' }))
    sent++
    return seen().some(({ items }) => items.some(({ requestId }) => requestId === 'after'))
  })
  await until('every request was sent or is counted as lost', () => {
    const sum = seen().reduce((all, { items, lost }) => all + items.length + lost, 0)
    return sum === sent
  })
  assert.ok(seen().some(({ lost }) => lost > 0))
})

test('a viewer who cannot take all that came while the table was being read gets the whole table again', async t => {
  const { fake, port } = await startAdmin(t)
  const { api } = fake
  let go = (_: unknown) => {}
  const held = new Promise(resolve => {
    go = resolve
  })
  const problems = api.problems.bind(api)
  Object.assign(api, { problems: () => held.then(problems) })
  const stream = await openEvents(t, port, '/api/v1/live')
  await stream.next('table')
  // More than the sockets between the two hold, so that the change behind it finds no room.
  fake.watcher.onProblems([{ key: 'k', reason: 'x'.repeat(16 * 1024 * 1024) }])
  fake.watcher.onChange(CHANGE)
  go(undefined)
  await stream.next('problem')
  assert.equal((await stream.next<LiveTablePart>('table')).whole, true)
})

test('while no worker answers, nothing is told to be gone, and a viewer gets the table once one does', async t => {
  const { fake, port } = await startAdmin(t)
  const seen = await openEvents(t, port, '/api/v1/live')
  await seen.next('problem')
  const { list } = fake
  fake.list = routeList({ revision: null, routes: [], services: [], workers: [] })
  let asked = 0
  const { routes } = fake.pages
  const ask = () => {
    asked++
    return routes()
  }
  Object.assign(fake.pages, { routes: ask })
  fake.watcher.onTable({ revision: '8', routes: ['user'], services: ['user'] })
  const late = await openEvents(t, port, '/api/v1/live')
  await until('both have asked', () => asked === 2)
  fake.list = { ...list, workers: [{ pid: 1, revision: '8', connected: true, stale: false }] }
  const part = await seen.next<LiveTablePart>('table')
  assert.deepEqual([part.whole, part.gone], [false, { routes: [], services: [] }])
  assert.deepEqual(
    part.services.map(({ name }) => name),
    ['user'],
  )
  const table = await late.next<LiveTablePart>('table')
  assert.deepEqual([table.whole, table.routes.length], [true, list.routes.length])
})

test('of a viewer that does not read its table, a mebibyte of changes is kept, and it gets the whole table again', async t => {
  const { fake, port } = await startAdmin(t)
  const { api } = fake
  let go = (_: unknown) => {}
  const held = new Promise(resolve => {
    go = resolve
  })
  const problems = api.problems.bind(api)
  Object.assign(api, { problems: () => held.then(problems) })
  const stream = await openEvents(t, port, '/api/v1/live')
  await stream.next('table')
  const large = { ...CHANGE, after: 'x'.repeat(8_192) }
  for (let i = 0; i < 200; i++) fake.watcher.onChange(large)
  go(undefined)
  const { whole } = await stream.next<LiveTablePart>('table')
  assert.equal(whole, true)
  await stream.next('problem')
  fake.watcher.onChange({ ...CHANGE, id: 'after' })
  assert.equal((await stream.next<ChangeEntry>('change')).id, 'after')
})

test('clients and users are hidden from the role read of a token, and are not found by a filter', async t => {
  const tokens = { page: { sha256: hash('sha256', 'read'), role: 'read' as const } }
  const { fake, port } = await startAdmin(t, { tokens })
  const headers = { authorization: 'Bearer read' }
  const all = await openEvents(t, port, '/api/v1/live?tail=service:user', headers)
  const one = await openEvents(t, port, '/api/v1/live?tail=client:10.0.0.7', headers)
  await all.next('problem')
  await one.next('problem')
  assert.deepEqual(
    fake.tails.map(({ filter }) => filter),
    ['service:user', ''],
  )
  for (const tail of fake.tails) tail.onRequest(requestEntry())
  const { items } = await all.next<LiveRequests>('requests')
  assert.match(`${items[0]!.client} ${items[0]!.user}`, /^~[0-9a-f]{8} ~[0-9a-f]{8}$/)
  const found = await openEvents(t, port, `/api/v1/live?tail=client:${items[0]!.client}`, headers)
  await found.next('problem')
  for (const tail of fake.tails) tail.onRequest(requestEntry())
  assert.deepEqual((await found.next<LiveRequests>('requests')).items[0]!.client, items[0]!.client)
  assert.deepEqual(one.events, [])
})

test('there are 64 streams at most, and one that ends makes room', async t => {
  const { port, ask } = await startAdmin(t)
  const streams = await Promise.all(Array.from({ length: 64 }, () => openEvents(t, port, '/api/v1/live')))
  const refused = await ask('/api/v1/live')
  assert.deepEqual([refused.status, refused.json().code], [503, 'WA_STREAMS'])
  assert.match(String(refused.json().detail), /64 streams already/)
  streams[0]!.response.destroy()
  await until('there is room again', async () => {
    const response = await openEvents(t, port, '/api/v1/live').then(
      stream => stream.response,
      () => undefined,
    )
    return response?.statusCode === 200
  })
})

test('a token that has all streams loses one to a token that has fewer, and gets no other', async t => {
  const tokens = {
    many: { sha256: hash('sha256', 'many'), role: 'read' as const },
    few: { sha256: hash('sha256', 'few'), role: 'operate' as const },
  }
  const { port, ask } = await startAdmin(t, { tokens })
  const [many, few] = [{ authorization: 'Bearer many' }, { authorization: 'Bearer few' }]
  const first = await openEvents(t, port, '/api/v1/live', many)
  const others = await Promise.all(
    Array.from({ length: 63 }, () => openEvents(t, port, '/api/v1/live', many)),
  )
  await Promise.all([first, ...others].map(stream => stream.next('problem')))
  await (await openEvents(t, port, '/api/v1/live', few)).next('problem')
  await until('a stream has ended', () => others.some(({ events }) => events.at(-1)?.event === 'bye'))
  assert.deepEqual(first.events, [], 'the first ones stay')
  const refused = await ask('/api/v1/live', many)
  assert.deepEqual([refused.status, refused.json().code], [503, 'WA_STREAMS'])
  await (await openEvents(t, port, '/api/v1/live', few)).next('problem')
  await until(
    'another one has ended',
    () => others.filter(({ events }) => events.at(-1)?.event === 'bye').length === 2,
  )
})

test('streams end with bye before the listener is closed', async t => {
  const { port, admin } = await startAdmin(t)
  const stream = await openEvents(t, port, '/api/v1/live')
  await stream.next('problem')
  await admin.close()
  assert.deepEqual(await stream.rest(), [{ event: 'bye', data: { reason: 'the admin listener closes' } }])
})

test('a comment every 15 s keeps proxies from closing an idle stream', async t => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { port } = await startAdmin(t)
  const stream = await openEvents(t, port, '/api/v1/live')
  await stream.next('problem')
  t.mock.timers.tick(15_000)
  await until('the comment is there', () => stream.comments.length === 1)
  t.mock.timers.tick(14_000)
  assert.equal(stream.comments.length, 1)
})

test('above 2,000 rows, a viewer gets those of its filter, or those with the most requests', async t => {
  const { fake, port } = await startAdmin(t)
  const nodes = Object.fromEntries(
    Array.from({ length: 3_000 }, (_, i) => [
      `${i % 2 === 0 ? 'user' : 'task'}/n${i}`,
      [0, i, 0, null, null, i === 1 ? 'open' : 'closed', 'unchecked', 'up'] as const,
    ]),
  )
  const busy = await openEvents(t, port, '/api/v1/live?figures=1')
  const filtered = await openEvents(t, port, '/api/v1/live?figures=1&rows=service:user')
  await busy.next('problem')
  await filtered.next('problem')
  const whole = { ...WHOLE, services: FIGURES.services, nodes }
  fake.watcher.onFigures(FIGURES, () => whole)
  const most = await busy.next<LiveFigures>('figures')
  assert.equal(
    Object.keys(most.nodes).length + Object.keys(most.routes).length + Object.keys(most.services).length,
    2_000,
  )
  assert.equal(most.omitted, 'unknown')
  assert.ok('task/n2999' in most.nodes && !('task/n3' in most.nodes))
  assert.ok('task/n1' in most.nodes, 'a node that is not well is among them, however few requests it has')
  assert.deepEqual(most.total, FIGURES.total)
  const own = await filtered.next<LiveFigures>('figures')
  assert.equal(Object.keys(own.nodes).length, 1_500)
  assert.ok(Object.keys(own.nodes).every(name => name.startsWith('user/')))
  assert.deepEqual([Object.keys(own.routes), Object.keys(own.services)], [['user'], ['user']])
  // What was left out is not as it was, so that all rows follow, also where few have changed.
  fake.watcher.onFigures(FIGURES, () => WHOLE)
  assert.deepEqual(await busy.next('figures'), WHOLE)
  fake.watcher.onFigures(FIGURES, () => WHOLE)
  assert.deepEqual(await busy.next('figures'), FIGURES)
})

test('a viewer who has missed a second gets all rows of the next one, for those that changed only then', async t => {
  const { fake, port } = await startAdmin(t)
  const stream = await openEvents(t, port, '/api/v1/live?figures=1')
  await stream.next('problem')
  fake.watcher.onFigures(FIGURES, () => WHOLE)
  await stream.next('figures')
  stream.response.pause()
  // More than the sockets between the two hold.
  fake.watcher.onChange({ ...CHANGE, after: 'x'.repeat(16 * 1024 * 1024) })
  fake.watcher.onFigures({ ...FIGURES, t: 2 }, () => WHOLE)
  stream.response.resume()
  await stream.next('change')
  await until('the viewer has caught up', () => {
    fake.watcher.onFigures(FIGURES, () => WHOLE)
    return stream.events.length > 0
  })
  assert.deepEqual(await stream.next('figures'), WHOLE)
})

test('of requests that were left out, a viewer of stand-ins is told as large a part as has fitted', async t => {
  const tokens = { page: { sha256: hash('sha256', 'read'), role: 'read' as const } }
  const { fake, port } = await startAdmin(t, { tokens })
  const headers = { authorization: 'Bearer read' }
  const stream = await openEvents(t, port, '/api/v1/live?tail=status:5xx+-client:nobody', headers)
  await stream.next('problem')
  const [tail] = fake.tails
  for (let i = 0; i < 40; i++) tail!.onRequest(requestEntry({ status: i % 4 === 0 ? 503 : 200 }))
  tail!.onLost!(100)
  let [items, lost] = [0, 0]
  await until('all are told', async () => {
    const batch = await stream.next<LiveRequests>('requests')
    items += batch.items.length
    lost += batch.lost
    return items === 10 && lost > 0
  })
  assert.equal(lost, 25)
})

test('a reload that takes a token away, or gives it another role, ends the streams that it opened', async t => {
  const features = { tail: true, dashboard: true, traceUrl: null }
  const tokenOf = (name: string, role: 'read' | 'operate') => ({
    [name]: { sha256: hash('sha256', name), role },
  })
  const before = { ...tokenOf('kept', 'read'), ...tokenOf('taken', 'read'), ...tokenOf('lowered', 'operate') }
  const settings = { current: { token: undefined, tokens: before, features } }
  const { fake, port } = await startAdmin(t, { settings })
  const open = async (token: string) => {
    const stream = await openEvents(t, port, '/api/v1/live', { authorization: `Bearer ${token}` })
    await stream.next('problem')
    return stream
  }
  const [kept, taken, lowered] = [await open('kept'), await open('taken'), await open('lowered')]
  settings.current = {
    ...settings.current,
    tokens: { ...tokenOf('kept', 'read'), ...tokenOf('lowered', 'read') } as typeof before,
  }
  fake.watcher.onChange(CHANGE)
  assert.deepEqual(await kept.next('change'), CHANGE)
  for (const stream of [taken, lowered])
    assert.deepEqual(
      (await stream.rest()).map(({ event }) => event),
      ['bye'],
    )
})
