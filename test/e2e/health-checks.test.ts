import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { NodePage } from '../../routes/admin/page-types.ts'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry } from '../support/registry.ts'
import { type Handler, type Service, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const gateway = await startGatewayHere({ config: { breaker: { minimumRequests: 1_000 } } })
const registry = openRegistry(gateway.etcd)
after(async () => {
  registry[Symbol.dispose]()
  await gateway.stop()
})

const CHECK = { path: '/healthz', intervalMs: 100, timeoutMs: 300 }

/** Answers requests with its name, and health checks with `status`. */
const withHealth =
  (name: string, status: number): Handler =>
  (request, response) => {
    request.resume()
    response.writeHead(request.url === '/healthz' ? status : 200).end(name)
  }

async function serve(service: string, nodes: Readonly<Record<string, Service>>, route: object) {
  for (const [id, node] of Object.entries(nodes)) await registry.putNode(service, id, node)
  await gateway.untilNodes(service, Object.keys(nodes).sort())
  await registry.putRoute(service, { path: `/${service}/*`, service, ...route })
  return async (init: RequestInit = {}) => {
    const response = await fetch(`${gateway.url}/${service}/x`, init)
    return { status: response.status, text: await response.text() }
  }
}

const untilHealth = (service: string, expected: Readonly<Record<string, NodePage['health']>>) =>
  until(`${service} is ${JSON.stringify(expected)}`, async () => {
    const nodes = await gateway.nodes(service)
    return nodes.every(({ id, health }) => health === expected[id])
  })

const changesOf = (service: string, node: string) =>
  gateway
    .log()
    .filter(line => line.msg === 'health changed' && line.service === service && line.node === node)
    .map(({ level, health, reason }) => [level, health, reason])

test('a node that fails its check gets no requests until it passes again, and each change is logged once', async () => {
  await using ill = await startService('ill', withHealth('ill', 200))
  await using well = await startService('well', withHealth('well', 200))
  const ask = await serve('duo', { ill, well }, { healthCheck: CHECK })
  await untilHealth('duo', { ill: 'healthy', well: 'healthy' })
  ill.handler = withHealth('ill', 503)
  await untilHealth('duo', { ill: 'unhealthy', well: 'healthy' })
  for (let i = 0; i < 10; i++) assert.equal((await ask()).text, 'well')
  assert.equal((await gateway.nodes('duo')).find(({ id }) => id === 'ill')?.state, 'down')
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
  assert.match(metrics, /^waygate_node_healthy\{service="duo",node="ill"\} 0$/m)
  assert.match(metrics, /^waygate_node_healthy\{service="duo",node="well"\} 1$/m)
  assert.match(metrics, /^waygate_health_checked_nodes [1-9]/m)
  assert.match(metrics, /^waygate_health_checks_total\{result="failed"\} [1-9]/m)
  ill.handler = withHealth('ill', 200)
  await untilHealth('duo', { ill: 'healthy', well: 'healthy' })
  const answers = new Set<string>()
  for (let i = 0; i < 4; i++) answers.add((await ask()).text)
  assert.deepEqual([...answers].sort(), ['ill', 'well'])
  await until('every change is logged', () => changesOf('duo', 'ill').length === 3)
  assert.deepEqual(changesOf('duo', 'ill'), [
    [30, 'healthy', 'status 200'],
    [30, 'unhealthy', 'status 503'],
    [30, 'healthy', 'status 200'],
  ])
})

test('when every node fails its check, all of them are used', async () => {
  await using a = await startService('a', withHealth('a', 500))
  await using b = await startService('b', withHealth('b', 500))
  const ask = await serve('panic', { a, b }, { healthCheck: CHECK })
  await untilHealth('panic', { a: 'unhealthy', b: 'unhealthy' })
  const answers = new Set<string>()
  for (let i = 0; i < 4; i++) {
    const { status, text } = await ask()
    assert.equal(status, 200)
    answers.add(text)
  }
  assert.deepEqual([...answers].sort(), ['a', 'b'])
  const { services } = await gateway.routes()
  assert.equal(services.find(({ name }) => name === 'panic')?.panicking, true)
  await gateway.logged(line => line.service === 'panic' && /every node/.test(line.msg) && line.level === 40)
  b.handler = withHealth('b', 200)
  await untilHealth('panic', { a: 'unhealthy', b: 'healthy' })
  for (let i = 0; i < 4; i++) assert.equal((await ask()).text, 'b')
})

test('the metadata of a node configures its check, and a route overrides it', async () => {
  await using node = await startService('node', withHealth('node', 500))
  const put = (healthCheck: string) => {
    const value = { id: 'n1', ip: '127.0.0.1', port: node.port, metadata: { healthCheck } }
    return registry.put('/services/said/n1', JSON.stringify(value))
  }
  await put(JSON.stringify(CHECK))
  await untilHealth('said', { n1: 'unhealthy' })
  await put('tcp')
  await untilHealth('said', { n1: 'healthy' })
  await put('/healthz')
  await untilHealth('said', { n1: 'unhealthy' })
  await put('{"path":"healthz","intervalMs":1}')
  const problem = await until('the mistake is shown', async () =>
    (await gateway.routes()).problems.find(({ key }) => key === 'said/n1'),
  )
  assert.match(problem.reason, /^metadata\.healthCheck \$\.path: must be a path .*\$\.intervalMs: must be/)
  await untilHealth('said', { n1: 'unchecked' })
  await registry.putRoute('said', { path: '/said/*', service: 'said', healthCheck: { tcp: true } })
  await untilHealth('said', { n1: 'healthy' })
  await registry.putRoute('said', { path: '/said/*', service: 'said', healthCheck: false })
  await untilHealth('said', { n1: 'unchecked' })
})

test('requests that wait for a hung node go to another one as soon as its check fails', async () => {
  const silent: Handler = request => void request.resume()
  await using hung = await startService('hung', withHealth('hung', 200))
  await using well = await startService('well', withHealth('well', 200))
  const route = { healthCheck: CHECK, timeoutMs: 60_000 }
  const ask = await serve('moved', { hung, well }, route)
  await untilHealth('moved', { hung: 'healthy', well: 'healthy' })
  hung.handler = silent
  const posted = new AbortController()
  const posts = [0, 1].map(() => ask({ method: 'POST', signal: posted.signal }).catch(() => undefined))
  const asked = await Promise.all(Array.from({ length: 20 }, () => ask()))
  assert.deepEqual(new Set(asked.map(({ text }) => text)), new Set(['well']))
  // A request that the node may have processed keeps waiting.
  const waiting = await until('the POST is all that waits there', async () => {
    const nodes = await gateway.nodes('moved')
    return nodes.find(({ id, inFlight }) => id === 'hung' && inFlight === 1)
  })
  assert.equal(waiting.timeouts, 0)
  posted.abort()
  await Promise.all(posts)
})

test('without a check, five consecutive timeouts send the other requests elsewhere', async () => {
  await using hung = await startService('hung', request => void request.resume())
  // The retry budget is a share of the requests in flight, so nothing is answered before all are in flight.
  const allSent = Promise.withResolvers<void>()
  await using well = await startService('well', async (_, response) => {
    await allSent.promise
    response.end('well')
  })
  const ask = await serve(
    'found',
    { hung, well },
    {
      breaker: { minimumRequests: 10 },
      tryTimeoutMs: 3_000,
      timeoutMs: 60_000,
    },
  )
  const asking = Promise.all(Array.from({ length: 80 }, () => ask()))
  await until('all are under way', () => hung.count + well.count === 80)
  allSent.resolve()
  const asked = await asking
  assert.deepEqual(new Set(asked.map(({ text }) => text)), new Set(['well']))
  assert.equal(hung.count, 40)
  const page = (await gateway.nodes('found')).find(({ id }) => id === 'hung')!
  assert.deepEqual([page.timeouts, page.breaker, page.inFlight], [5, 'open', 0])
  const line = await gateway.logged(({ msg, service }) => msg === 'breaker opened' && service === 'found')
  assert.deepEqual([line.node, line.reason], ['hung', 'no answer'])
})
