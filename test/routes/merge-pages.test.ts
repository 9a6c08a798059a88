import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NodePage, RoutePage, RoutesPage } from '../../routes/admin-pages.ts'
import { mergeRoutes, mergeServices } from '../../routes/merge-pages.ts'

function node(id: string, changes: Partial<NodePage> = {}): NodePage {
  const idle = { state: 'up', breaker: 'closed', inFlight: 0, requests: 0, failures: 0 } as const
  return { id, address: '127.0.0.1:1', weight: 1, metadata: {}, ...idle, ...changes }
}

function page(
  revision: string | null,
  nodes: readonly NodePage[],
  changes: Partial<RoutesPage['source']> = {},
): RoutesPage {
  const trust = { connected: true, stale: false, ageMs: 5, drift: 0, relists: { start: 1 } }
  return {
    revision,
    source: { registry: 'etcd', ...trust, skipped: 0, suspects: 0, sources: [], ...changes },
    routes: [{ id: 'r', path: '/r', service: 's', nodes } as unknown as RoutePage],
    problems: [{ key: 'k', reason: 'bad' }],
  }
}

test('counts are summed, and the worst of states and breakers is shown', () => {
  const busy = node('n1', { inFlight: 1, requests: 3, failures: 1, breaker: 'half-open', state: 'suspect' })
  const open = node('n1', { inFlight: 2, requests: 4, failures: 2, breaker: 'open', state: 'draining' })
  const merged = mergeRoutes([
    { pid: 1, page: page('7', [busy]) },
    { pid: 2, page: page('7', [open]) },
  ])
  const [route] = merged.routes
  assert.deepEqual(route?.nodes, [
    node('n1', { inFlight: 3, requests: 7, failures: 3, breaker: 'open', state: 'suspect' }),
  ])
  assert.deepEqual(merged.problems, [{ key: 'k', reason: 'bad' }])
})

test('what differs is taken from the newest table, which is as true as the oldest', () => {
  const merged = mergeRoutes([
    { pid: 1, page: page('9', [node('n1', { weight: 1 })], { ageMs: 90, stale: true, connected: false }) },
    { pid: 2, page: page('10', [node('n1', { weight: 2 }), node('n2')]) },
  ])
  assert.equal(merged.revision, '9')
  assert.deepEqual(
    merged.routes[0]?.nodes.map(({ id, weight }) => [id, weight]),
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

test('a worker without a table makes the revision unknown', () => {
  const merged = mergeRoutes([
    { pid: 1, page: page('3', []) },
    { pid: 2, page: page(null, [], { ageMs: undefined }) },
  ])
  assert.deepEqual([merged.revision, merged.source.ageMs], [null, undefined])
})

test('services are those of any worker, by name', () => {
  const merged = mergeServices([
    { services: [{ name: 'b', nodes: [node('n1', { requests: 1 })] }] },
    {
      services: [
        { name: 'a', nodes: [node('n1')] },
        { name: 'b', nodes: [node('n1', { requests: 2 })] },
      ],
    },
  ])
  assert.deepEqual(
    merged.services.map(({ name, nodes }) => [name, nodes.map(({ requests }) => requests)]),
    [
      ['a', [0]],
      ['b', [3]],
    ],
  )
})

test('limits are summed, since each process holds its own', () => {
  const limit = (at: number, inFlight: number) =>
    ({ kind: 'adaptive', limit: at, inFlight, queued: 1 }) as const
  const sum = { kind: 'adaptive', limit: 12, inFlight: 9, queued: 2 }
  const services = [limit(5, 5), limit(7, 4)].map(each => ({
    services: [{ name: 's', limit: each, nodes: [node('n1')] }],
  }))
  assert.deepEqual(mergeServices(services).services[0]?.limit, sum)
  const pages = [limit(5, 5), limit(7, 4)].map((each, pid) => {
    const one = page('7', [node('n1')])
    return { pid, page: { ...one, routes: [{ ...one.routes[0]!, limit: each }] } }
  })
  assert.deepEqual(mergeRoutes(pages).routes[0]?.limit, sum)
})
