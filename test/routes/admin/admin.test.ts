import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../../config/load/load.ts'
import { POLICY_RULES } from '../../../config/policies/policies.ts'
import type { RoutesPage } from '../../../routes/admin/page-types.ts'
import { type GatewaySetUp, startTestGateway, token } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { answer, startNode } from '../../support/node-server.ts'
import { until } from '../../support/until.ts'

const { config } = loadConfig({ env: {}, cwd: tmpdir() })

async function setUp(t: TestContext, options: GatewaySetUp = {}) {
  const node = await startNode(t, (socket, request) =>
    socket.write(answer('x', [], request.target === '/bad' ? '500 Odd' : '200 OK')),
  )
  const gateway = await startTestGateway(t, {
    nodes: { 'user/u1': { port: node.port, weight: 10 }, 'user/u0': { port: 9, weight: 0 } },
    ...options,
  })
  const admin = async (path: string, headers = {}) => send(gateway.adminPort, { path, headers })
  return { ...gateway, node, admin }
}

test('/services shows every node with its state and counts', async t => {
  const { admin, port, node } = await setUp(t)
  await send(port, { path: '/user/ok' })
  await send(port, { path: '/user/bad' })
  const got = await admin('/services')
  assert.match(String(got.headers['content-type']), /^application\/json/)
  const idle = { metadata: {}, breaker: 'closed', health: 'unchecked', inFlight: 0, timeouts: 0 }
  assert.deepEqual(got.json(), {
    services: [
      {
        name: 'user',
        panicking: false,
        retries: { budget: 'available', inFlight: 0, begun: 0, hedges: 0, refused: 0 },
        nodes: [
          {
            ...idle,
            id: 'u0',
            address: '127.0.0.1:9',
            weight: 0,
            state: 'draining',
            requests: 0,
            failures: 0,
          },
          {
            ...idle,
            id: 'u1',
            address: `127.0.0.1:${node.port}`,
            weight: 10,
            state: 'up',
            requests: 2,
            failures: 1,
          },
        ],
      },
    ],
  })
})

test('/routes shows the origin, the fields and the nodes of each route, and what is not used', async t => {
  const { admin } = await setUp(t, {
    withKey: true,
    nodes: { 'user/u1': 9, 'task/t1': 9 },
    routes: {
      one: {
        path: '/one/*',
        methods: ['GET'],
        hosts: ['A.example'],
        service: 'task',
        auth: { jwt: { scopes: ['s'] } },
        stripPrefix: '/one',
      },
      open: { path: '/open', service: 'task', auth: 'none', retries: 0, fallback: { status: 200 } },
      bad: { path: 'no slash', service: 'other' },
    },
  })
  const body = (await admin('/routes')).json() as Record<
    string,
    Record<string, unknown>[] & Record<string, unknown>
  >
  assert.deepEqual(Object.keys(body), ['revision', 'source', 'defaultAuth', 'routes', 'services', 'problems'])
  assert.match(String(body.revision), /^\d+$/)
  const { registry, connected, stale, ageMs } = body.source!
  assert.deepEqual([registry, connected, stale, typeof ageMs], ['memory', true, false, 'number'])
  const routes = body.routes!.map(({ nodes, ...route }) => ({
    ...route,
    nodes: (nodes as { id: string }[]).map(each => each.id),
  }))
  const { breaker, serviceLimit, upstream } = config
  const rest = {
    timeoutMs: 15_000,
    bodyIdleTimeoutMs: upstream.bodyIdleTimeoutMs,
    tryTimeoutMs: null,
    retryOn: [502, 503, 504],
    retryBufferBytes: 65_536,
    hedge: false,
    breaker: { ...breaker },
    healthCheck: null,
    serviceLimit: { ...serviceLimit },
    upstreamTls: { verify: true },
    balancer: 'weighted-round-robin',
    slowStartMs: 0,
    priority: 0,
    maxBodyBytes: 0,
    allowEncodedSlash: false,
    allowSlowClients: false,
    mergeSlashes: true,
    preserveHost: false,
    rewriteLocation: true,
    grpc: {
      timeoutMs: null,
      maxTimeoutMs: null,
      retryOn: ['UNAVAILABLE'],
      failures: ['UNKNOWN', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'],
      idempotent: [],
      allow: ['*'],
      descriptors: null,
      bindings: null,
      rules: [],
      web: true,
      json: {
        unknownFields: 'reject',
        unknownQuery: 'reject',
        emitDefaults: false,
        enums: 'name',
        names: 'json',
        errors: 'problem',
        stream: 'ndjson',
      },
    },
    match: null,
    whenUnmatched: null,
    enabled: true,
    description: null,
    labels: null,
    policies: null,
    ...Object.fromEntries(Object.keys(POLICY_RULES).map(name => [name, null])),
    requests: 0,
    failures: 0,
  }
  assert.deepEqual(routes, [
    {
      ...rest,
      id: 'one',
      origin: 'etcd',
      path: '/one/*',
      methods: ['GET'],
      hosts: ['a.example'],
      service: 'task',
      auth: { jwt: { scopes: ['s'], roles: [] } },
      stripPrefix: '/one',
      retries: null,
      fallback: null,
      nodes: ['t1'],
    },
    {
      ...rest,
      id: 'open',
      origin: 'etcd',
      path: '/open',
      methods: null,
      hosts: null,
      service: 'task',
      auth: 'none',
      stripPrefix: '',
      retries: 0,
      fallback: { status: 200, headers: {}, body: '' },
      nodes: ['t1'],
    },
    {
      ...rest,
      id: 'auto:user',
      origin: 'auto',
      path: '/user/*',
      methods: null,
      hosts: null,
      service: 'user',
      auth: 'jwt',
      stripPrefix: '/user',
      retries: null,
      fallback: null,
      nodes: ['u1'],
    },
  ])
  assert.equal(body.problems!.length, 1)
  assert.match(String(body.problems![0]!.key), /bad$/)
  assert.match(String(body.problems![0]!.reason), /path/)
})

test('a route counts its own requests and failures, also those that the gateway answered', async t => {
  const { admin, port, registry } = await setUp(t, {
    routes: {
      a: { path: '/user/*', service: 'user' },
      b: { path: '/b/*', service: 'user', retries: 0 },
      none: { path: '/none', service: 'none' },
    },
  })
  for (const path of ['/user/ok', '/b/ok', '/none', '/nowhere']) await send(port, { path })
  await send(port, { path: '/b/ok' })
  const counts = async () => {
    const { routes } = (await admin('/routes')).json() as unknown as RoutesPage
    return Object.fromEntries(routes.map(({ id, requests, failures }) => [id, [requests, failures]]))
  }
  assert.deepEqual(await counts(), { a: [1, 0], b: [2, 0], none: [1, 1] })
  await registry.putRoute('b', { path: '/b/*', service: 'user', priority: 5 })
  await until('the new version is in force', async () => {
    const { routes } = (await admin('/routes')).json() as unknown as RoutesPage
    return routes.find(({ id }) => id === 'b')?.priority === 5
  })
  await send(port, { path: '/b/ok' })
  assert.deepEqual(await counts(), { a: [1, 0], b: [3, 0], none: [1, 1] })
})

test('the probes say whether the process serves and whether it is ready', async t => {
  const { admin } = await setUp(t)
  assert.deepEqual([(await admin('/healthz')).status, (await admin('/readyz')).status], [200, 200])
  const lost = await admin('/nowhere')
  assert.equal(lost.status, 404)
  assert.match(String(lost.headers['content-type']), /^application\/problem\+json/)
})

test('with a token, every page but the probes requires it', async t => {
  const { admin } = await setUp(t, { config: { adminToken: 'hunter2' } })
  for (const path of ['/healthz', '/readyz']) assert.equal((await admin(path)).status, 200, path)
  for (const path of [
    '/routes',
    '/services',
    '/metrics',
    '/nowhere',
    '/healthz/',
    '/healthz/../routes',
    '//healthz',
  ]) {
    for (const value of [
      '',
      'hunter2',
      'Bearer',
      'Bearer hunter',
      'Bearer hunter22',
      'Bearer Hunter2',
      'Basic hunter2',
      `Bearer ${token()}`,
    ]) {
      const got = await admin(path, value === '' ? {} : { Authorization: value })
      assert.equal(got.status, 401, `${path} ${value}`)
      assert.match(String(got.headers['content-type']), /^application\/problem\+json/)
      assert.equal(got.headers['www-authenticate'], 'Bearer realm="waygate-admin"')
      assert.ok(!got.text.includes('hunter'))
    }
  }
  assert.equal((await admin('/routes', { Authorization: 'Bearer hunter2' })).status, 200)
})

test('the public listener does not have the admin pages, nor the admin listener the services', async t => {
  const { port, admin } = await setUp(t)
  for (const path of ['/routes', '/services', '/metrics', '/healthz'])
    assert.equal((await send(port, { path })).status, 404, path)
  assert.equal((await admin('/user/ok')).status, 404)
})

test('the metrics are OpenMetrics for a client that prefers it, with the same series', async t => {
  const { adminPort, port } = await setUp(t)
  await send(port, { path: '/user/ok' })
  const [text, open] = await Promise.all(
    ['text/plain', 'application/openmetrics-text'].map(accept =>
      send(adminPort, { path: '/metrics', headers: { accept } }),
    ),
  )
  assert.match(String(open!.headers['content-type']), /^application\/openmetrics-text; version=1\.0\.0/)
  assert.equal(open!.headers.vary, 'accept')
  assert.match(open!.text, /\n# TYPE waygate_requests counter\nwaygate_requests_total\{.*\n# EOF\n$/s)
  assert.doesNotMatch(open!.text, /\n\n/)
  const seriesOf = ({ text }: { readonly text: string }) =>
    text
      .split('\n')
      .flatMap(line => /^[^#\s].*(?= )/.exec(line.replace(/le="(\d+)"/, 'le="$1.0"'))?.[0] ?? [])
  assert.deepEqual(seriesOf(open!).filter(isOwn), seriesOf(text!).filter(isOwn))
})

function isOwn(series: string): boolean {
  return series.startsWith('waygate_')
}

test('the metrics count requests, tries, failures and the table', async t => {
  const { admin, port } = await setUp(t)
  await send(port, { path: '/user/ok' })
  await send(port, { path: '/user/ok' })
  await send(port, { path: '/user/bad' })
  await send(port, { path: '/nowhere' })
  const got = await admin('/metrics')
  assert.match(String(got.headers['content-type']), /^text\/plain; version=0\.0\.4/)
  const lines = new Set(got.text.split('\n'))
  for (const line of [
    'waygate_requests_total{route="auto:user",service="user",node="u1",status="200"} 2',
    'waygate_requests_total{route="auto:user",service="user",node="u1",status="500"} 1',
    'waygate_requests_total{route="none",service="",node="",status="404"} 1',
    'waygate_request_duration_seconds_count{route="auto:user",service="user"} 3',
    'waygate_upstream_duration_seconds_count{route="auto:user",service="user"} 3',
    'waygate_node_tries_total{service="user",node="u1"} 3',
    'waygate_node_failures_total{service="user",node="u1"} 1',
    'waygate_node_in_flight{service="user",node="u1"} 0',
    'waygate_breaker_state{service="user",node="u1"} 0',
    'waygate_table_services 1',
    'waygate_table_nodes 2',
    'waygate_table_routes 1',
    'waygate_table_problems 0',
    'waygate_registry_connected 1',
  ]) {
    assert.ok(lines.has(line), `${line}\nis not in\n${got.text.replace(/^(?!waygate).*\n/gm, '')}`)
  }
  assert.match(got.text, /^process_cpu_seconds_total/m)
  assert.match(got.text, /^nodejs_eventloop_lag_seconds/m)
  // A second scrape shows the same counts: reading does not change them.
  assert.ok((await admin('/metrics')).text.includes('node="u1",status="200"} 2'))
})

test('a warning about a route document is shown in /routes and is no problem for the metrics', async t => {
  const { admin } = await setUp(t, {
    routes: {
      old: { path: '/old', service: 'user', limit: { concurrent: 5 }, breaker: { openMs: 100 } },
      second: { path: '/second', service: 'user', breaker: { openMs: 200 } },
    },
  })
  const { problems } = (await admin('/routes')).json()
  assert.deepEqual(problems, [
    { key: 'second', reason: '$.breaker is not used, because route old sets it too' },
    { key: 'old', reason: '$.limit is deprecated: use serviceLimit' },
  ])
  assert.match((await admin('/metrics')).text, /^waygate_table_problems 1$/m)
})

test('nodes with the same id in two services are counted separately, and a node that is gone is shown once more', async t => {
  const node = await startNode(t, socket => socket.write(answer()))
  const { admin, port, registry, gateway } = await setUp(t, {
    nodes: { 'main/n1': node.port, 'spare/n1': node.port },
    routes: { r: { path: '/r', service: 'main', fallback: { service: 'spare' } } },
  })
  await send(port, { path: '/r' })
  await registry.unregister('main', 'n1')
  while (gateway.nodeCount() > 1) await new Promise(resolve => setImmediate(resolve))
  await send(port, { path: '/r' })
  const first = (await admin('/metrics')).text
  for (const service of ['main', 'spare']) {
    assert.ok(
      first.includes(`waygate_requests_total{route="r",service="${service}",node="n1",status="200"} 1`),
      service,
    )
  }
  const second = (await admin('/metrics')).text
  assert.ok(!second.includes('service="main",node="n1"'))
})

test('without a key, the log says once how many routes are open, and with one it does not', async t => {
  const routes = {
    open: { path: '/a', service: 'user' },
    shut: { path: '/b', service: 'user', auth: 'jwt' },
  }
  for (const withKey of [false, true]) {
    const { startLog } = await startTestGateway(t, { nodes: { 'user/u1': 1, 'task/t1': 2 }, routes, withKey })
    const warnings = startLog.filter(({ msg }) => String(msg).startsWith('no token key is configured'))
    assert.deepEqual(
      warnings.map(({ level, open, routes }) => ({ level, open, routes })),
      withKey ? [] : [{ level: 40, open: 2, routes: 3 }],
    )
  }
})
