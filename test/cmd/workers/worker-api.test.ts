import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { OwnApiPages } from '../../../cmd/gateway/telemetry/api-pages.ts'
import type { ApiQuestion, ToPrimary } from '../../../cmd/workers/messages.ts'
import { WorkerApi } from '../../../cmd/workers/worker-api.ts'
import { WorkerLive } from '../../../cmd/workers/worker-live.ts'
import type { WorkerProcess } from '../../../cmd/workers/worker-process.ts'
import { startTestGateway, type TestGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { notingListener } from '../../support/live-listener.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

/** Sends a message as it goes between processes. */
function sent<Message>(message: Message): Message {
  return message === undefined ? message : JSON.parse(JSON.stringify(message))
}

/** What the primary has of a worker, whose gateway runs in this process and can fall silent. */
class FakeWorker {
  readonly pid: number
  readonly filters: (readonly string[] | undefined)[] = []
  /** The names of the pages that it was asked for. */
  readonly asked: string[] = []
  isSilent = false
  /** Whether it tells what is live when nobody waits for it any longer, and how often it has. */
  isLate = false
  late = 0
  onAsk: () => void = () => {}
  onRequests: WorkerProcess['onRequests'] = () => {}
  onChange: WorkerProcess['onChange'] = () => {}
  readonly #api: OwnApiPages
  readonly #live: WorkerLive

  constructor(pid: number, api: OwnApiPages) {
    this.pid = pid
    this.#api = api
    this.#live = new WorkerLive(api, message => this.#told(sent(message)))
  }

  watch(filters: readonly string[] | undefined): void {
    this.filters.push(filters)
    this.#live.watch(filters)
  }

  async ask({ api, args }: ApiQuestion): Promise<readonly unknown[] | undefined> {
    this.asked.push(api)
    this.onAsk()
    if (this.isSilent) return undefined
    if (api === 'live') {
      const delta = sent(await this.#live.take(...args))
      if (!this.isLate) return [delta]
      this.late++
      return undefined
    }
    const asked = this.#api[api] as (...all: readonly unknown[]) => Promise<unknown>
    return [sent(await asked(...args))]
  }

  #told(message: ToPrimary): void {
    if (message.type === 'requests') this.onRequests(message.items, message.lost)
    else if (message.type === 'change') this.onChange(message.change)
  }
}

/** Two gateways with the same table and one node, and the API that merges them. */
async function setUp(t: TestContext) {
  const held: (() => void)[] = []
  const node = await startNode(t, (socket, { target }) => {
    if (target.includes('hold')) held.push(() => socket.write(answer('late')))
    else socket.write(answer('ok'))
  })
  const start = () =>
    startTestGateway(t, {
      nodes: { 'user/u1': node.port },
      routes: { users: { path: '/user/*', service: 'user', auth: 'none' } },
    })
  const gateways = [await start(), await start()] as const
  const workers = gateways.map(({ gateway: { api } }, i) => new FakeWorker(i + 1, api))
  const api = new WorkerApi({
    version: '1.2.3',
    port: () => 8_080,
    isReady: () => true,
    onError: error => assert.fail(String(error)),
  })
  const update = (...of: readonly (readonly FakeWorker[])[]) =>
    api.update(...(of as unknown as Parameters<WorkerApi['update']>))
  update(workers)
  const get = ({ port }: TestGateway, path: string, id = 'x') =>
    send(port, { path, headers: { 'x-request-id': id } })
  return { api, gateways, workers, update, get, held, node }
}

test('pages of two workers are merged: counts are sums, and each thing is listed once', async t => {
  const { api, gateways, get } = await setUp(t)
  const [one, other] = gateways
  for (let i = 0; i < 3; i++) await get(one, '/user/1', `one-${i}`)
  for (let i = 0; i < 2; i++) await get(other, '/user/1', `other-${i}`)
  const all = { filter: 'one', problems: false, limit: 10 }
  await until('all are remembered', async () => (await api.requests({ ...all, filter: '' })).length === 5)
  assert.equal((await api.requests(all)).length, 3)
  const ends = (await api.requests({ ...all, filter: '', limit: 4 })).map(({ at, totalMs }) => at + totalMs)
  assert.equal(ends.length, 4)
  assert.deepEqual(
    ends,
    ends.toSorted((a, b) => b - a),
  )
  assert.equal((await api.request('other-1'))?.request.requestId, 'other-1')
  assert.equal(await api.request('nobody'), undefined)

  const route = await api.route('users')
  assert.deepEqual([route?.route.requests, route?.route.nodes.length], [5, 1])
  assert.equal(route?.route.nodes[0]?.requests, 5)
  assert.equal(JSON.parse(route!.document!.text).path, '/user/*')
  const service = await api.service('user')
  assert.deepEqual(
    service?.nodes.map(({ id, requests }) => [id, requests]),
    [['u1', 5]],
  )
  assert.ok(service?.routes.includes('users'))
  const detail = await api.node('user', 'u1')
  assert.ok(detail!.p50! > 0 && detail!.p99! >= detail!.p50!)
  assert.equal(detail!.requests, 5)
  assert.equal(await api.node('user', 'u2'), undefined)
  assert.deepEqual(
    (await api.serviceSummaries()).map(({ name, nodes, usable }) => [name, nodes, usable]),
    [['user', 1, 1]],
  )
  const status = await api.status()
  assert.deepEqual([status.version, status.ready, status.problems], ['1.2.3', true, 0])
  assert.match(status.name, /:8080$/)
  assert.deepEqual(
    status.workers?.map(({ pid }) => pid),
    [1, 2],
  )
  await assert.doesNotReject(api.leases())
})

test('open calls of both are listed, longest first', async t => {
  const { api, gateways, get, held } = await setUp(t)
  const asked = [get(gateways[1], '/user/hold', 'first')]
  await until('the first is held', () => held.length === 1)
  asked.push(get(gateways[0], '/user/hold', 'second'))
  await until('the second is held', () => held.length === 2)
  assert.deepEqual(
    (await api.inFlight(0)).map(({ requestId }) => requestId),
    ['first', 'second'],
  )
  for (const answerNow of held) answerNow()
  await Promise.all(asked)
})

test('whoever watches sees the requests and figures of both, and each change once', async t => {
  const { api, gateways, workers, get, held } = await setUp(t)
  const seen = notingListener('users')
  const stop = api.watch(seen)
  t.after(stop)
  await until('the baseline is known', () => seen.figures.length > 0)
  for (const gateway of gateways) {
    gateway.registry.putRoute('new', { path: '/new', service: 'user', auth: 'none' })
    await get(gateway, '/user/1')
    await get(gateway, '/nowhere')
  }
  await until('the requests are told', () => seen.requests.length === 2)
  await until('the table is told', () => seen.tables.length > 0)
  const sum = () => seen.figures.reduce((all, { total }) => all + total[0], 0)
  await until('all requests are counted', () => sum() === 4)
  assert.equal(
    seen.figures.reduce((all, { routes }) => all + (routes.users?.[0] ?? 0), 0),
    2,
  )
  assert.deepEqual(
    seen.changes.map(({ id }) => id),
    ['new'],
  )
  assert.deepEqual(seen.tables[0]!.routes, ['new'])
  for (const gateway of gateways) gateway.registry.deleteRoute('new')
  await until('the second change is told', () => seen.changes.length === 2)
  assert.equal(seen.changes[1]!.after, null)

  const asked = gateways.map(gateway => get(gateway, '/user/hold'))
  await until('both are held', () => held.length === 2)
  await until('their sum is told', () => seen.figures.some(({ nodes }) => nodes['user/u1']?.[0] === 2))
  // One row changes in one worker; what the other has in flight still counts.
  held[0]!()
  await Promise.race(asked)
  await until('one is left', () => seen.figures.at(-1)!.nodes['user/u1']?.[0] === 1)
  held[1]!()
  await Promise.all(asked)

  stop()
  for (const { filters } of workers) assert.deepEqual(filters, [['users'], undefined])
})

test('a worker that comes later is watched, and one that has gone takes its requests with it', async t => {
  const { api, gateways, workers, update, get, held } = await setUp(t)
  update([workers[0]!])
  const seen = notingListener()
  t.after(api.watch(seen))
  await until('it has figures', () => seen.figures.length > 0)
  update(workers)
  const asked = get(gateways[1], '/user/hold')
  await until('it is held', () => held.length === 1)
  await until('it is told', () => seen.figures.some(({ nodes }) => nodes['user/u1']?.[0] === 1))
  workers[1]!.isSilent = true
  const told = seen.figures.length
  await until('two seconds have passed', () => seen.figures.length >= told + 2)
  assert.ok(
    !seen.figures.slice(told + 1).some(({ nodes }) => nodes['user/u1']?.[0] === 0),
    'one that does not answer for a moment is as it was',
  )
  update([workers[0]!])
  assert.equal(workers[1]!.filters.at(-1), undefined)
  await until('its requests are gone', () => seen.figures.some(({ nodes }) => nodes['user/u1']?.[0] === 0))
  held[0]!()
  await asked
})

test('what a worker has told too late is told again: changes, problems, and the state of nodes', async t => {
  const { api, gateways, workers, get, held } = await setUp(t)
  const seen = notingListener()
  t.after(api.watch(seen))
  await until('the baseline is known', () => seen.figures.length > 0)
  const told = [0, seen.problems.length, seen.sources.length]
  const [, late] = workers
  const [, { registry }] = gateways
  late!.isLate = true
  registry.putRoute('new', { path: '/new', service: 'user', auth: 'none' })
  registry.putRoute('bad', { path: 'no slash', service: 'user' })
  registry.setConnected(false)
  const asked = get(gateways[1], '/user/hold')
  await until('it is held', () => held.length === 1)
  const before = late!.late
  await until('two answers were late', () => late!.late >= before + 2)
  assert.deepEqual([seen.tables.length, seen.problems.length, seen.sources.length], told)
  late!.isLate = false
  await until('the table is told', () => seen.tables.some(({ routes }) => routes.includes('new')))
  await until('the problem is told', () => seen.problems.at(-1)?.length === 1)
  await until('the source is told', () => seen.sources.at(-1)?.connected === false)
  await until('the node is told', () => seen.figures.some(({ nodes }) => nodes['user/u1']?.[0] === 1))
  held[0]!()
  await asked
})

test('a worker that hangs is asked last for what any of them can do, so that registrations do not wait for it', async t => {
  const { api, workers, update } = await setUp(t)
  const [hung, other] = workers
  update([hung!, other!], [other!])
  await api.heartbeat({ service: 'user', id: 'u1', by: 'token', body: undefined, mustExist: false })
  await api.leases()
  assert.deepEqual([hung!.asked, other!.asked], [[], ['heartbeat', 'leases']])
})

test('a question that a worker leaves unanswered while a reload replaces all of them goes to a new one', async t => {
  const { api, gateways, workers, update } = await setUp(t)
  const fresh = new FakeWorker(3, gateways[0].gateway.api)
  for (const old of workers) {
    old.isSilent = true
    old.onAsk = () => update([fresh])
  }
  const beat = { service: 'user', id: 'u1', by: 'token', body: undefined, mustExist: false }
  assert.notEqual((await api.heartbeat(beat)).outcome, 'unreachable')
  assert.deepEqual([workers[0]!.asked, workers[1]!.asked, fresh.asked], [['heartbeat'], [], ['heartbeat']])
})

test('what was wrong in a worker alone is told to be well when that worker has gone', async t => {
  const { api, gateways, workers, update } = await setUp(t)
  const seen = notingListener()
  t.after(api.watch(seen))
  await until('it has figures', () => seen.figures.length > 0)
  gateways[1].registry.putRoute('bad', { path: 'no slash', service: 'user' })
  await until('the problem is told', () => seen.problems.at(-1)?.length === 1)
  update([workers[0]!])
  await until('there is none', () => seen.problems.at(-1)?.length === 0)
})

test('requests beyond 200 in a tenth of a second are counted as lost for those whose filter they fit', async t => {
  const { api, workers } = await setUp(t)
  const seen = notingListener()
  const lost: number[] = []
  t.after(api.watch({ ...seen, onLost: requests => void lost.push(requests) }))
  const failures: number[] = []
  const ofFailures = {
    ...notingListener('status:5xx'),
    onLost: (requests: number) => void failures.push(requests),
  }
  t.after(api.watch(ofFailures))
  const entry = { requestId: 'r', method: 'GET', path: '/', status: 200 }
  let add: ((request: never) => void) | undefined
  const told: ToPrimary[] = []
  const live = new WorkerLive(
    {
      openFeed(hooks) {
        add = hooks.onRequest as typeof add
        return { setFilters() {}, close() {} } as never
      },
    },
    message => told.push(message),
  )
  // Each word may be a filter, such as the names that all objects have.
  const ofNames: number[] = []
  for (const filter of ['constructor', 'valueOf'])
    t.after(api.watch({ ...notingListener(filter), onLost: requests => void ofNames.push(requests) }))
  live.watch(['', 'status:5xx', 'status:404', 'constructor', 'valueOf'])
  for (let i = 0; i < 249; i++) add!({ ...entry, status: i % 10 === 0 ? 503 : 200 } as never)
  add!({ ...entry, path: '/constructor' } as never)
  const batch = await until('the batch is sent', () => told[0] ?? false)
  assert.ok(batch.type === 'requests')
  assert.deepEqual([batch.items.length, batch.lost], [200, { '': 50, 'status:5xx': 5, constructor: 1 }])
  workers[0]!.onRequests(batch.items, batch.lost)
  assert.deepEqual([seen.requests.length, lost, failures, ofNames], [200, [50], [5], [1]])
  live.close()
})

test('at shutdown those who watch are told', async t => {
  const { api, workers } = await setUp(t)
  const seen = notingListener()
  api.watch(seen)
  api.bye('shutdown')
  assert.deepEqual(seen.byes, ['shutdown'])
  assert.equal(workers[0]!.filters.at(-1), undefined)
})

test('while no worker answers, there is nothing to show, and it is said', async t => {
  const { api, update } = await setUp(t)
  update([])
  const status = await api.status()
  assert.deepEqual([status.revision, status.source.reason], [null, 'no worker answers'])
  assert.deepEqual(await api.requests({ filter: '', problems: false, limit: 1 }), [])
  assert.equal(await api.route('users'), undefined)
  assert.equal(await api.leases(), undefined)
})
