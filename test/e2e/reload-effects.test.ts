import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import jwt from 'jsonwebtoken'
import { startCollector } from '../support/collector.ts'
import { send } from '../support/http.ts'
import { startNode } from '../support/node-server.ts'
import { openRegistry } from '../support/registry.ts'
import { startReloadedGateway } from '../support/reloaded-gateway.ts'
import { until } from '../support/until.ts'

const SECRET = 'the secret of tests, which is long enough'
const BASE = {
  overload: { loopDelayMs: 0 },
  clientLimits: { headersTimeoutMs: 60_000 },
  routes: { documents: { open: { path: '/open/*', service: 'echo', auth: 'none' } } },
}

const setUp = (t: TestContext, config: object = BASE) => startReloadedGateway(t, config)

test('a request that began before a reload ends as it began', async t => {
  const { node, reload, finish, get } = await setUp(t)
  const slow = get('/open/slow')
  await node.received(1)
  await reload({ ...BASE, routes: { documents: {} }, tracing: { endpoint: 'http://127.0.0.1:9' } })
  assert.equal((await get('/open/x')).status, 404)
  finish()
  assert.equal((await slow).status, 200)
})

test('the access log follows: into a file, off, and with the level of the log', async t => {
  const { gateway, reload, get } = await setUp(t)
  const file = join(gateway.cwd, 'access.log')
  const isLogged = (path: string) => gateway.log().some(line => line.msg === 'request' && line.path === path)
  await get('/open/1')
  await until('it is logged', () => isLogged('/open/1'))
  await reload({ ...BASE, accessLog: { to: file, fields: ['path', 'userAgent'] } })
  await get('/open/2', { 'user-agent': 'me' })
  await until('it is in the file', () => existsSync(file) && readFileSync(file, 'utf8').includes('/open/2'))
  assert.match(readFileSync(file, 'utf8'), /"userAgent":"me"/)
  await reload({ ...BASE, logLevel: 'warn' })
  await get('/open/3')
  await reload({ ...BASE, accessLog: false })
  await get('/open/4')
  await reload(BASE)
  await get('/open/5')
  await until('it is logged', () => isLogged('/open/5'))
  assert.deepEqual(['/open/2', '/open/3', '/open/4'].filter(isLogged), [])
})

test('identity headers follow the claims, and a client never sets the new ones', async t => {
  const config = { ...BASE, jwt: { secret: SECRET } }
  const { reload, get } = await setUp(t, { ...config, routes: { documents: documents('jwt') } })
  const authorization = `Bearer ${jwt.sign({ sub: 'anna', team: 'red' }, SECRET, { expiresIn: 60 })}`
  const seen = async () => {
    const { text } = await get('/open/x', { authorization, 'x-team': 'forged' })
    const lines = JSON.parse(text) as string[]
    const valuesOf = (name: string) =>
      lines.flatMap((line, i) => (line.toLowerCase() === name ? lines[i + 1]! : []))
    return [valuesOf('x-user-id'), valuesOf('x-team')]
  }
  assert.deepEqual(await seen(), [['anna'], ['forged']])
  const routes = { documents: documents('jwt') }
  await reload({ ...config, routes, jwt: { secret: SECRET, claimHeaders: { team: 'x-team' } } })
  assert.deepEqual(await seen(), [[], ['red']])
})

test('trusted proxies follow, and with them what is said of clients', async t => {
  const { gateway, reload, get } = await setUp(t)
  const clientOf = async () => {
    const { headers } = await get('/open/x', { 'x-forwarded-for': '203.0.113.9' })
    const id = headers['x-request-id']
    const line = await gateway.logged(each => each.msg === 'request' && each.requestId === id)
    return line.client
  }
  assert.equal(await clientOf(), '127.0.0.1')
  await reload({ ...BASE, trustedProxies: ['127.0.0.1'] })
  assert.equal(await clientOf(), '203.0.113.9')
  await reload(BASE)
  assert.equal(await clientOf(), '127.0.0.1')
})

test('limits of clients, of services and of breakers follow', async t => {
  const { gateway, node, reload, finish, get } = await setUp(t)
  const limits = { bodyBytes: 10, targetBytes: 256, headerBytes: 2_000, headersTimeoutMs: 60_000 }
  await reload({ ...BASE, clientLimits: limits, serviceLimit: { concurrent: 1, queue: 0 } })
  const post = await send(gateway.port, { method: 'POST', path: '/open/x', body: 'x'.repeat(11) })
  const long = await get(`/open/${'x'.repeat(300)}`)
  const large = await get('/open/x', { 'x-large': 'x'.repeat(2_100) })
  assert.deepEqual([post.status, long.status, large.status], [413, 414, 431])
  const slow = get('/open/slow')
  await node.received(1)
  assert.equal((await get('/open/x')).status, 503)
  await reload(BASE)
  assert.equal((await get('/open/x')).status, 200)
  finish()
  assert.equal((await slow).status, 200)
  for (let i = 0; i < 4; i++) assert.equal((await get('/open/500')).status, 500)
  assert.equal((await get('/open/x')).status, 200)
  await reload({
    ...BASE,
    breaker: { minimumRequests: 2, failureRatio: 0.1, ejectLastNode: true, openMs: 30_000 },
  })
  await get('/open/500')
  await get('/open/500')
  assert.match((await get('/open/x')).text, /WG_CIRCUIT_OPEN/)
})

test('copies of requests that are on their way count on after a reload', async t => {
  const shadow = await startNode(t, () => {})
  const mirror = { service: 'shadow', maxInFlight: 1, timeoutMs: 60_000 }
  const routes = { documents: { open: { path: '/open/*', service: 'echo', auth: 'none', mirror } } }
  const { gateway, reload, get } = await setUp(t, { ...BASE, routes })
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('shadow', 's1', shadow)
  await gateway.untilNodes('shadow', ['s1'])
  await get('/open/1')
  await shadow.received(1)
  await reload({ ...BASE, routes, clientLimits: { ...BASE.clientLimits, targetBytes: 256 } })
  assert.equal((await get(`/open/${'x'.repeat(300)}`)).status, 414)
  await get('/open/2')
  const full = 'waygate_mirror_requests_total{route="open",outcome="full"} 1'
  await until('the second copy is refused', async () =>
    (await (await fetch(`${gateway.admin}/metrics`)).text()).includes(full),
  )
  assert.equal(shadow.requests.length, 1)
})

test('automatic routes follow, and a service that loses its document in the file gets none', async t => {
  const { reload, get } = await setUp(t, { ...BASE, routes: {} })
  await until('it has a route', async () => (await get('/echo/x')).status === 200)
  await reload({ ...BASE, routes: { auto: false } })
  assert.equal((await get('/echo/x')).status, 404)
  await reload(BASE)
  assert.deepEqual([(await get('/open/x')).status, (await get('/echo/x')).status], [200, 404])
  await reload({ ...BASE, routes: {} })
  assert.deepEqual([(await get('/open/x')).status, (await get('/echo/x')).status], [404, 404])
})

test('tracing begins and ends with a reload, and its counts go on', async t => {
  const { gateway, reload, get } = await setUp(t)
  const collector = await startCollector(t)
  const tracing = { endpoint: collector.endpoint, sampleRatio: 1 }
  await reload({ ...BASE, tracing })
  const { text } = await get('/open/x')
  assert.match(text, /traceparent/)
  await until('its spans have come', () => collector.spans.length === 2)
  await reload({ ...BASE, tracing: { ...tracing, serviceName: 'other' } })
  await get('/open/y')
  await until('its spans have come', () => collector.spans.length === 4)
  assert.equal(collector.batches.at(-1)?.resource['service.name'], 'other')
  await reload(BASE)
  assert.doesNotMatch((await get('/open/x')).text, /traceparent/)
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
  assert.match(metrics, /^waygate_spans_sent_total 4$/m)
  assert.match(metrics, /^waygate_config_reloads_total\{result="succeeded"\} 3$/m)
})

test('labels of metrics follow, and no request is counted twice or lost', async t => {
  const { gateway, reload, get } = await setUp(t)
  const counts = async () => {
    const text = await (await fetch(`${gateway.admin}/metrics`)).text()
    return text.match(/^waygate_requests_total\{.*route="open".*$/gm)
  }
  await get('/open/1')
  await reload({ ...BASE, metrics: { labels: { node: false } } })
  await get('/open/2')
  assert.deepEqual(await counts(), [
    'waygate_requests_total{route="open",service="echo",node="e1",status="200"} 1',
    'waygate_requests_total{route="open",service="echo",status="200"} 1',
  ])
})

test('tokens of the admin listener follow, and its page', async t => {
  const { gateway, reload } = await setUp(t)
  const ask = async (path: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return (await fetch(gateway.admin + path, { headers })).status
  }
  assert.deepEqual([await ask('/routes'), await ask('/')], [200, 200])
  await reload({ ...BASE, adminToken: 'one', admin: { dashboard: false } })
  assert.deepEqual([await ask('/routes'), await ask('/routes', 'one'), await ask('/')], [401, 200, 404])
  await reload({ ...BASE, adminToken: 'two' })
  assert.deepEqual(
    [await ask('/routes', 'one'), await ask('/routes', 'two'), await ask('/')],
    [401, 200, 200],
  )
})

function documents(auth: string) {
  return { open: { path: '/open/*', service: 'echo', auth } }
}

test('a shutdown right after a reload of tracing sends the spans from before it', async t => {
  const taken = Promise.withResolvers<void>()
  let isAnswered = false
  const collector = await startCollector(t, async response => {
    taken.resolve()
    // A slow one.
    await delay(500)
    isAnswered = true
    response.end()
  })
  const other = await startCollector(t)
  const tracing = (endpoint: string) => ({ ...BASE, tracing: { endpoint, sampleRatio: 1 } })
  const { gateway, reload, get } = await setUp(t, tracing(collector.endpoint))
  await get('/open/1')
  await reload(tracing(other.endpoint))
  await taken.promise
  await gateway.stop()
  assert.equal(isAnswered, true)
})
