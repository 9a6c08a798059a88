import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeMethods, mergeRoutes, mergeServices } from '../../../routes/admin/merge-pages.ts'
import type {
  DescriptorsPage,
  ListedRoute,
  NodePage,
  RouteList,
  ServiceState,
} from '../../../routes/admin/page-types.ts'

function node(id: string, changes: Partial<NodePage> = {}): NodePage {
  const idle = { inFlight: 0, requests: 0, failures: 0, timeouts: 0 }
  const well = { state: 'up', breaker: 'closed', health: 'unchecked' } as const
  return { id, address: '127.0.0.1:1', weight: 1, metadata: {}, ...idle, ...well, ...changes }
}

function page(
  revision: string | null,
  nodes: readonly NodePage[],
  changes: Partial<RouteList['source']> = {},
): RouteList {
  const trust = { connected: true, stale: false, ageMs: 5, drift: 0, relists: { start: 1 } }
  return {
    revision,
    defaultAuth: 'jwt',
    source: { registry: 'etcd', ...trust, skipped: 0, suspects: 0, sources: [], ...changes },
    routes: [{ id: 'r', path: '/r', service: 's', requests: 5, failures: 2 } as unknown as ListedRoute],
    services: [{ ...state('s'), nodes }],
    problems: [{ key: 'k', reason: 'bad' }],
  }
}

const RETRIES = { budget: 'available', inFlight: 0, begun: 1, hedges: 0, refused: 2 } as const

function state(name: string, changes: Partial<ServiceState> = {}): ServiceState {
  return { name, panicking: false, retries: RETRIES, ...changes }
}

test('counts are summed, and the worst of states and breakers is shown', async () => {
  const busy = node('n1', { inFlight: 1, requests: 3, failures: 1, breaker: 'half-open', state: 'suspect' })
  const open = node('n1', { inFlight: 2, requests: 4, failures: 2, breaker: 'open', state: 'draining' })
  const merged = await mergeRoutes([
    { pid: 1, page: page('7', [busy]) },
    { pid: 2, page: page('7', [open]) },
  ])
  const both = node('n1', { inFlight: 3, requests: 7, failures: 3, breaker: 'open', state: 'suspect' })
  assert.deepEqual(merged.problems, [{ key: 'k', reason: 'bad' }])
  assert.deepEqual(merged.routes, [{ id: 'r', path: '/r', service: 's', requests: 10, failures: 4 }])
  assert.deepEqual(merged.services, [
    { ...state('s', { retries: { ...RETRIES, begun: 2, refused: 4 } }), nodes: [both] },
  ])
})

test('routes and nodes are taken from the newest table, and the state from the worst', async () => {
  const merged = await mergeRoutes([
    { pid: 1, page: page('9', [node('n1', { weight: 1 })], { ageMs: 90, stale: true, connected: false }) },
    { pid: 2, page: page('10', [node('n1', { weight: 2 }), node('n2')]) },
  ])
  assert.equal(merged.revision, '9')
  assert.deepEqual(
    merged.services[0]?.nodes.map(({ id, weight }) => [id, weight]),
    [
      ['n1', 2],
      ['n2', 1],
    ],
  )
  const { connected, stale, ageMs, relists } = merged.source
  assert.deepEqual([connected, stale, ageMs, relists], [false, true, 90, { start: 2 }])
  assert.deepEqual(merged.workers, [
    { pid: 1, revision: '9', connected: false, stale: true },
    { pid: 2, revision: '10', connected: true, stale: false },
  ])
})

test('a worker without a table makes the revision unknown', async () => {
  const merged = await mergeRoutes([
    { pid: 1, page: page('3', []) },
    { pid: 2, page: page(null, [], { ageMs: undefined }) },
  ])
  assert.deepEqual([merged.revision, merged.source.ageMs], [null, undefined])
})

test('services of all workers are listed, by name', async () => {
  const merged = await mergeServices([
    { services: [{ ...state('b', { panicking: true }), nodes: [node('n1', { requests: 1 })] }] },
    {
      services: [
        { ...state('a'), nodes: [node('n1')] },
        {
          ...state('b', { retries: { ...RETRIES, budget: 'exhausted' } }),
          nodes: [node('n1', { requests: 2, health: 'unhealthy' })],
        },
      ],
    },
  ])
  assert.deepEqual(
    merged.services.map(({ name, panicking, retries, nodes }) => [
      name,
      panicking,
      retries,
      nodes.map(({ requests, health }) => [requests, health]),
    ]),
    [
      ['a', false, RETRIES, [[0, 'unchecked']]],
      ['b', true, { ...RETRIES, budget: 'exhausted', begun: 2, refused: 4 }, [[3, 'unhealthy']]],
    ],
  )
})

test('limits are summed, since each process holds its own', async () => {
  const limit = (at: number, inFlight: number) =>
    ({ kind: 'adaptive', limit: at, inFlight, queued: 1 }) as const
  const sum = { kind: 'adaptive', limit: 12, inFlight: 9, queued: 2 }
  const services = [limit(5, 5), limit(7, 4)].map(each => ({
    services: [{ ...state('s', { limit: each }), nodes: [node('n1')] }],
  }))
  assert.deepEqual((await mergeServices(services)).services[0]?.limit, sum)
  const pages = [limit(5, 5), limit(7, 4)].map((each, pid) => {
    const one = page('7', [node('n1')])
    return { pid, page: { ...one, services: [{ ...state('s', { limit: each }), nodes: [] }] } }
  })
  assert.deepEqual((await mergeRoutes(pages)).services[0]?.limit, sum)
})

test('a problem that one process knows of a node is shown, and so is one without a key for tokens', async () => {
  const merged = await mergeRoutes([
    { pid: 1, page: page('7', [node('n1')]) },
    { pid: 2, page: { ...page('7', [node('n1', { problem: 'no lease' })]), defaultAuth: 'none' } },
  ])
  assert.equal(merged.services[0]?.nodes[0]?.problem, 'no lease')
  assert.equal(merged.defaultAuth, 'none')
})

test('of the methods of a service, those of a process that knows them are shown, with the problems of all', async () => {
  const known: DescriptorsPage = { source: 'etcd', from: 's', methods: 1, problems: ['a'] }
  const unknown: DescriptorsPage = { source: null, methods: 0, problems: ['a', 'b'] }
  const merged = { ...known, problems: ['a', 'b'] }
  const methods = [{ name: 's.S/M', kind: 'unary', bindings: [] } as const]
  for (const [first, second] of [
    [known, unknown],
    [unknown, known],
  ] as const) {
    const { services } = await mergeServices(
      [first, second].map(descriptors => ({ services: [{ ...state('s', { descriptors }), nodes: [] }] })),
    )
    assert.deepEqual(services[0]?.descriptors, merged)
    const pages = [first, second].map(descriptors => ({
      service: 's',
      descriptors,
      methods: descriptors === known ? methods : [],
    }))
    assert.deepEqual(mergeMethods(pages), { service: 's', descriptors: merged, methods })
  }
  assert.equal(mergeMethods([]), undefined)
})
