import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createPrimaryMetrics } from '../routes/admin/metrics/primary-metrics.ts'
import { makeAuthority } from './support/certificates.ts'
import { startTestGateway } from './support/gateway.ts'
import { send, sendRaw } from './support/http.ts'
import { askJson } from './support/json-gateway.ts'
import { readQueries } from './support/monitoring.ts'
import { answer, startNode } from './support/node-server.ts'
import { findUnknown } from './support/promql.ts'
import { rawCall } from './support/raw-call.ts'
import { startTaskNode } from './support/task-node.ts'
import { until } from './support/until.ts'

/** A route that refuses {@link PREFLIGHT}, and would refuse its client's address. */
const REFUSING = {
  ...{ path: '/refusing', service: 'user' },
  cors: { origins: ['https://app.example'] },
  clients: { deny: ['127.0.0.1'], enforce: false },
}
/** A route that refuses the third request, and would refuse the second. Its store is away. */
const LIMITED = {
  ...{ path: '/limited', service: 'user', auth: 'none' },
  rateLimit: [
    { limit: 2, windowSeconds: 3_600, store: 'shared' },
    { limit: 1, windowSeconds: 3_600, enforce: false },
  ],
}
/** A collector that is away. */
const TRACING = { tracing: { endpoint: 'http://127.0.0.1:9' } }
const STORE = { rateLimits: { store: { url: 'redis://127.0.0.1:9' } } }
/** A route with a variant that has no node. */
const SPLIT = {
  ...{ path: '/split', service: 'user' },
  split: { variants: [{ name: 'canary', nodes: { version: '2' }, percent: 100 }] },
}
const PREFLIGHT = {
  ...{ method: 'OPTIONS', path: '/refusing' },
  headers: { origin: 'https://other.example', 'access-control-request-method': 'GET' },
}
const page = readFileSync(new URL('../docs/observability.md', import.meta.url), 'utf8')

test('docs/observability.md lists every metric with its type and labels, and no other; dashboard and rules use no other', async t => {
  const node = await startNode(t, (socket, { target }) =>
    socket.write(target === '/text' ? answer('text '.repeat(500), ['Content-Type: text/plain']) : answer()),
  )
  const tls = makeAuthority(t).issue('localhost')
  const { port, adminPort, gateway, registry } = await startTestGateway(t, {
    nodes: { 'user/u1': node.port },
    document: { tls: { ...tls, port: 0 }, proxyProtocol: { from: ['192.0.2.1'] }, ...STORE, ...TRACING },
    routes: {
      refusing: REFUSING,
      limited: LIMITED,
      split: SPLIT,
      r: { path: '/user', service: 'user', serviceLimit: { concurrent: 10 }, healthCheck: { tcp: true } },
      text: { path: '/text', service: 'user', compress: true, mirror: { service: 'user' } },
    },
  })
  await registry.register({
    service: 'calls',
    id: 'c1',
    host: '127.0.0.1',
    port: 9,
    weight: 1,
    protocol: 'grpc',
  })
  const task = await startTaskNode()
  t.after(() => task[Symbol.asyncDispose]())
  await registry.register({
    ...{ service: 'task', id: 't1', host: '127.0.0.1', port: task.port, protocol: 'grpc' },
  })
  await until(
    'JSON becomes a call',
    async () => (await askJson(port, 'POST', '/task/GetTask', { id: 1 })).status === 200,
  )
  gateway.health.startChecking()
  await send(port, { path: '/user' })
  await send(port, PREFLIGHT)
  for (let i = 0; i < 3; i++) await send(port, { path: '/limited' })
  await send(port, { path: '/split' })
  await send(port, { path: '/text', headers: { 'accept-encoding': 'gzip' } })
  await send(port, { path: '/text' })
  await rawCall(port, 'grpc', { path: '/user' })
  let text = ''
  await until('the node was checked', async () => {
    text = (await send(adminPort, { path: '/metrics' })).text
    return text.includes('\nwaygate_node_healthy{') && text.includes('\nwaygate_mirror_requests_total{')
  })
  const own = [...text.matchAll(/^# TYPE (waygate_\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [
    name,
    type,
    labelsOf(text, name),
  ])
  const primary = await createPrimaryMetrics({
    workers: () => 1,
    restarts: () => 0,
    silent: () => 0,
    killed: () => 0,
    reloads: { succeeded: 0, failed: 0 },
  })()
  for (const { name, type, values } of primary) {
    if (name.startsWith('waygate_')) own.push([name, type, Object.keys(values[0]!.labels).join(', ')])
  }

  const documented = [...page.matchAll(/^\| `(waygate_\w+)` \| (\w+) \| (.*?) ?\| /gm)].map(
    ([, name = '', type = '', labels = '']) => [name, type, labels.replaceAll('`', '')],
  )
  // Nothing of this process made a listing necessary.
  const [relists] = own.filter(([name]) => name === 'waygate_registry_relists_total')
  relists![2] = 'source, reason'
  // No request had to ask the store of limits.
  const [waits] = own.filter(([name]) => name === 'waygate_limit_store_seconds')
  waits![2] = 'result'
  assert.deepEqual(documented.sort(), own.sort())

  const known = new Map(own.map(([name = '', , labels = '']) => [name, labels.split(', ')]))
  for (const [, name = ''] of text.matchAll(/^# TYPE (\w+) /gm)) {
    if (!known.has(name)) known.set(name, labelsOf(text, name).split(', '))
  }
  const queries = readQueries()
  assert.ok(queries.length > 50)
  for (const { of, expr } of queries) assert.deepEqual(findUnknown(expr, known), [], `${of}: ${expr}`)
})

/** As the first sample of a metric has them, but for a histogram's own. */
function labelsOf(text: string, name: string): string {
  const labels = new RegExp(`^${name}(?:_count)?\\{(.*)\\} `, 'm').exec(text)?.[1] ?? ''
  return [...labels.matchAll(/(\w+)="/g)].map(([, label]) => label).join(', ')
}

test('docs/observability.md lists the fields of the access log in their order', async t => {
  const { port, logged } = await startTestGateway(t, {
    nodes: { 'user/u1': 9 },
    routes: {
      one: { path: '/user/*', service: 'user', stripPrefix: '/user' },
      seven: { path: '/seven', service: 'user', rewrite: { path: '/7' } },
      refusing: REFUSING,
      limited: LIMITED,
      split: SPLIT,
    },
    document: { ...STORE, ...TRACING },
  })
  await send(port, { path: '/seven', headers: { 'x-request-id': 'seven' } })
  await send(port, { path: '/split', headers: { 'x-request-id': 'eight' } })
  await send(port, { path: '/user', headers: { 'x-request-id': 'one' } })
  await send(port, { ...PREFLIGHT, headers: { ...PREFLIGHT.headers, 'x-request-id': 'two' } })
  await rawCall(port, 'grpc', { path: '/user/a.B/C', headers: { 'x-request-id': 'three' } })
  for (const id of ['four', 'five', 'six']) {
    await send(port, { path: '/limited', headers: { 'x-request-id': id } })
  }
  const [, id = ''] = /^X-Request-Id: (.+)\r$/m.exec(await sendRaw(port, 'NO HTTP\r\n\r\n')) ?? []
  const lines = await Promise.all(['one', 'two', 'three', 'five', 'six', 'seven', 'eight', id].map(logged))
  const [table = ''] = /^\| field.*?\n\n/ms.exec(page) ?? []
  const fields = [...table.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm)].flatMap(([, names = '']) =>
    names.replaceAll('`', '').split(', '),
  )
  const rest = ['level', 'time', 'msg']
  for (const line of lines) {
    assert.deepEqual(
      Object.keys(line).filter(field => !rest.includes(field)),
      fields.filter(field => field in line),
    )
  }
  const seen = new Set(lines.flatMap(Object.keys))
  assert.deepEqual(
    fields.filter(field => !seen.has(field)),
    ['tls', 'clientCert', 'user', 'fallback', 'transcoded', 'encoding', 'mirrored'],
  )
})
