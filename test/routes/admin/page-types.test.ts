import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import type { Peer } from '../../../internal/nodes/peer.ts'
import { createAdmin } from '../../../routes/admin/admin.ts'
import { createTablePages, type TablePagesOptions } from '../../../routes/admin/build-pages.ts'
import type { AdminPages, RoutesPage, ServicesPage } from '../../../routes/admin/page-types.ts'
import { FakeApi } from '../../support/api-pages.ts'

/** A service of so many nodes, so many routes to it, and how often each of them was made text. */
function tableOf({ nodes, routes }: { readonly nodes: number; readonly routes: number }) {
  const made = { nodes: 0, routes: 0 }
  const noting = (kind: 'nodes' | 'routes', value: unknown) => ({
    toJSON() {
      made[kind]++
      return value
    },
  })
  const idle = { inFlight: 0, requests: 0, failures: 0, timeouts: 0, health: 'unchecked', breaker: 'closed' }
  const peers = Array.from({ length: nodes }, (_, i) => ({
    node: { id: `n${i}`, service: 's', host: '10.0.0.1', port: i, weight: 1, metadata: noting('nodes', {}) },
    address: `10.0.0.1:${i}`,
    ...idle,
  })) as unknown as Peer[]
  const service = { name: 's', peers, isPanicking: false }
  const rest = { timeoutMs: 1, balancer: 'weighted-round-robin', priority: 0, stripPrefix: '' }
  const all = Array.from({ length: routes }, (_, i) => ({
    id: `r${i}`,
    path: noting('routes', `/r${i}/*`),
    origin: 'etcd',
    service: i === 0 ? 'empty' : 's',
    auth: { type: 'none' },
    ...rest,
  }))
  const pages = createTablePages({
    nodes: {
      services: () => [service].values(),
      get: (name: string) => (name === 's' ? service : undefined),
    },
    table: {
      source: () => ({ registry: 'test', revision: '7', sources: [] }),
      routes: () => all,
      problems: () => [{ key: 'k', reason: 'bad' }],
      warnings: () => [],
      lastGood: () => ({ count: 0, ageMs: 0, routes: new Map() }),
      formerServices: () => 0,
      nodeProblems: () => undefined,
      defaultAuth: 'jwt',
    },
    limits: { of: () => undefined },
    budgets: { get: () => undefined },
    methods: { summaries: () => () => undefined },
    metrics: { countsByRoute: () => new Map([['r1', { requests: 3, failures: 1 }]]) },
    describeRoute: (route: object) => ({ ...route }),
    health: { problems: () => [] },
  } as unknown as TablePagesOptions)
  return { pages, peers, made }
}

async function listen(t: TestContext, pages: AdminPages): Promise<string> {
  const admin = createAdmin({ ...new FakeApi().options, pages, onInternalError: assert.ifError })
  t.after(() => admin.close())
  await admin.listen({ host: '127.0.0.1', port: 0 })
  return `http://127.0.0.1:${(admin.server.address() as AddressInfo).port}`
}

test('every route has the nodes of its service, which are serialized once', async t => {
  const { pages, made } = tableOf({ nodes: 300, routes: 20 })
  const url = await listen(t, pages)
  const response = await fetch(`${url}/routes`)
  const { routes, ...page } = (await response.json()) as RoutesPage
  assert.deepEqual(made, { nodes: 300, routes: 20 })
  const ids = Array.from({ length: 300 }, (_, i) => `n${i}`)
  for (const [i, { id, path, nodes, requests, failures }] of routes.entries()) {
    assert.deepEqual([id, path], [`r${i}`, `/r${i}/*`])
    assert.deepEqual([requests, failures], i === 1 ? [3, 1] : [0, 0])
    assert.deepEqual(
      nodes.map(node => node.id),
      i === 0 ? [] : ids,
    )
  }
  assert.match(response.headers.get('content-type')!, /^application\/json/)
  const retries = { budget: 'available', inFlight: 0, begun: 0, hedges: 0, refused: 0 }
  assert.deepEqual(page, {
    revision: '7',
    source: { registry: 'test', sources: [] },
    defaultAuth: 'jwt',
    services: [{ name: 's', panicking: false, retries }],
    problems: [{ key: 'k', reason: 'bad' }],
  })
  const { services } = (await (await fetch(`${url}/services`)).json()) as ServicesPage
  assert.deepEqual(
    services.map(({ name, nodes }) => [name, nodes.map(node => node.id)]),
    [['s', ids]],
  )
})

test('a large page is written as its reader takes it, others are served meanwhile, and it shows one moment', async t => {
  const { pages, peers, made } = tableOf({ nodes: 500, routes: 2_000 })
  const url = await listen(t, pages)
  const request = get(`${url}/routes`)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  // Until the buffers between the two are full.
  for (let made0 = -1, same = 0; same < 50; same = made.routes === made0 ? same + 1 : 0) {
    made0 = made.routes
    assert.equal((await fetch(`${url}/healthz`)).status, 200)
  }
  assert.ok(made.routes < 1_000, `${made.routes} of 2000 routes were made for a reader that reads nothing`)
  for (const peer of peers) peer.requests = 5
  let length = 0
  let changed = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    if (chunk.includes('"requests":5')) changed++
  }
  assert.equal(response.statusCode, 200)
  assert.deepEqual([made.nodes, made.routes, changed], [500, 2_000, 0])
  assert.ok(length > 2_000 * 500 * 100, `${length}`)
})

test('a page is aborted when its reader leaves', async t => {
  const { pages, made } = tableOf({ nodes: 500, routes: 2_000 })
  const url = await listen(t, pages)
  const request = get(`${url}/routes`)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.destroy()
  for (let before = -1; before !== made.routes; ) {
    before = made.routes
    for (let i = 0; i < 50; i++) assert.equal((await fetch(`${url}/healthz`)).status, 200)
  }
  assert.ok(made.routes < 2_000)
})

const broken: AdminPages = {
  routes: () => Promise.reject(new Error('secret detail')),
  services: () => Promise.reject(new Error('secret detail')),
  methods: () => Promise.reject(new Error('secret detail')),
  explain: () => Promise.reject(new Error('secret detail')),
  check: () => Promise.reject(new Error('secret detail')),
  metrics: () => Promise.reject(new Error('secret detail')),
  isReady: () => {
    throw new Error('secret detail')
  },
}

test('an internal error is answered without details, which are passed to the log', async () => {
  const told: unknown[] = []
  await using admin = createAdmin({
    ...{ ...new FakeApi().options, pages: broken },
    onInternalError: error => told.push(error),
  })
  const paths = ['/routes', '/services', '/metrics', '/readyz']
  for (const path of paths) {
    const { statusCode, headers, body } = await admin.inject(path)
    assert.equal(statusCode, 500, path)
    assert.match(String(headers['content-type']), /^application\/problem\+json/, path)
    assert.deepEqual(JSON.parse(body), {
      type: 'urn:waygate:error:WA_INTERNAL',
      title: 'Internal error',
      status: 500,
      code: 'WA_INTERNAL',
      detail: 'the gateway failed; its log has the reason',
    })
  }
  assert.deepEqual(
    told.map(error => (error as Error).message),
    paths.map(() => 'secret detail'),
  )
})
