import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry } from '../support/registry.ts'
import { answerName, type Handler, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const gateway = await startGatewayHere({ config: { breaker: { minimumRequests: 1_000 } } })
const registry = openRegistry(gateway.etcd)
after(async () => {
  registry[Symbol.dispose]()
  await gateway.stop()
})

const answering =
  (status: number, headers: Readonly<Record<string, string>> = {}): Handler =>
  (request, response) => {
    request.resume()
    response.writeHead(status, headers).end(`${status}`)
  }

const silent: Handler = request => void request.resume()

/** Registers a service with these nodes, and a route to it. */
async function serve(service: string, nodes: Readonly<Record<string, { port: number }>>, route: object = {}) {
  for (const [id, node] of Object.entries(nodes)) await registry.putNode(service, id, node)
  await gateway.untilNodes(service, Object.keys(nodes).sort())
  await registry.putRoute(service, { path: `/${service}/*`, service, ...route })
  await until(`route ${service} applies`, async () =>
    (await gateway.routes()).routes.some(({ id }) => id === service),
  )
  return async (init: RequestInit = {}, path = '') => {
    const response = await fetch(`${gateway.url}/${service}/${path}`, init)
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
}

test('by default, a GET that a node answers with 503 is retried on another, and a POST gets the 503', async () => {
  await using busy = await startService('busy', answering(503))
  await using well = await startService('well')
  const ask = await serve('passed', { busy, well })
  for (let i = 0; i < 20; i++) assert.equal((await ask()).text, 'well')
  assert.deepEqual([busy.count, well.count], [10, 20])
  const posted = await Promise.all([0, 1].map(() => ask({ method: 'POST', body: 'x' })))
  assert.deepEqual(posted.map(({ status }) => status).sort(), [200, 503])
})

test('by default, a short PUT that a node answers with 503 after reading it is sent again with its whole body', async () => {
  const echo: Handler = (request, response) => {
    request.pipe(response)
  }
  const readsAndFails: Handler = (request, response) => {
    request.resume().on('end', () => response.writeHead(503).end())
  }
  await using busy = await startService('busy', readsAndFails)
  await using well = await startService('well', echo)
  const ask = await serve('resent', { busy, well })
  const body = 'payload'.repeat(1_000)
  for (let i = 0; i < 4; i++) assert.equal((await ask({ method: 'PUT', body })).text, body)
  assert.deepEqual([busy.count, well.count], [2, 4])
})

test('when every node answers 503, the client gets that answer, and few requests are retried', async () => {
  await using a = await startService('a', answering(503, { 'x-node': 'a' }))
  await using b = await startService('b', answering(503, { 'x-node': 'b' }))
  const ask = await serve('storm', { a, b })
  const sent = 300
  const clients = Array.from({ length: 30 }, async () => {
    for (let i = 0; i < sent / 30; i++) {
      const { status, text, headers } = await ask()
      assert.deepEqual([status, text], [503, '503'])
      assert.match(headers.get('x-node') ?? '', /^[ab]$/)
    }
  })
  await Promise.all(clients)
  const reached = a.count + b.count
  assert.ok(reached > sent && reached <= 1.2 * sent, `${reached} of ${sent}`)
  const { services } = await gateway.routes()
  const { retries } = services.find(({ name }) => name === 'storm')!
  assert.deepEqual([retries.budget, retries.begun], ['exhausted', reached - sent])
  assert.ok(retries.refused > 0)
  const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
  assert.match(metrics, /^waygate_retry_budget_exhausted\{service="storm"\} 1$/m)
  const isChange = (line: { readonly msg: string; readonly service?: unknown }) =>
    /^retry budget (exhausted|available again)$/.test(line.msg) && line.service === 'storm'
  await gateway.logged(isChange)
  const changes = gateway.log().filter(isChange)
  const reason = 'too many retries failed or were in flight'
  assert.deepEqual(
    changes.map(line => [line.level, line.retryBudget, line.reason]),
    [[30, 'exhausted', reason]],
  )
})

test('a try that times out is retried on another node, and answered as a timeout where it must not be repeated', async () => {
  await using hung = await startService('hung', silent)
  await using well = await startService('well')
  const ask = await serve('tries', { hung, well }, { tryTimeoutMs: 100 })
  for (let i = 0; i < 4; i++) assert.equal((await ask()).text, 'well')
  assert.deepEqual([hung.count, well.count], [2, 4])
  const posted = await Promise.all([0, 1].map(() => ask({ method: 'POST' })))
  const late = posted.find(({ status }) => status === 504)
  assert.equal(JSON.parse(late!.text).code, 'WG_UPSTREAM_TIMEOUT')
})

test('a route with a hedge answers from the second node while the first is silent', async () => {
  await using hung = await startService('hung', silent)
  await using well = await startService('well')
  // Long enough for a node that answers at once, also where the machine makes it wait.
  const ask = await serve('hedged', { hung, well }, { hedge: { afterMs: 400 }, timeoutMs: 60_000 })
  for (let i = 0; i < 4; i++) assert.equal((await ask()).text, 'well')
  assert.deepEqual([hung.count, well.count], [2, 4])
  // The losing tries were cancelled, and do not count against their node.
  const { inFlight, failures } = (await gateway.nodes('hedged')).find(({ id }) => id === 'hung')!
  assert.deepEqual([inFlight, failures], [0, 0])
})

test('a route configures the breakers of its service, and each change of state is logged with its reason', async () => {
  await using odd = await startService('odd', answering(404))
  await using well = await startService('well')
  const breaker = { minimumRequests: 4, failureRatio: 1, statuses: [404], openMs: 50, maxOpenMs: 200 }
  const ask = await serve('own', { odd, well }, { breaker })
  for (let i = 0; i < 8; i++) await ask()
  assert.deepEqual([odd.count, well.count], [4, 4])
  // The next request is a probe; it fails.
  await until('it was tried again', async () => {
    await ask()
    return odd.count === 5
  })
  odd.handler = answerName('odd')
  await until('it is back', async () => {
    await ask()
    return odd.count > 6
  })
  const changes = await until('every change is logged', () => {
    const lines = gateway
      .log()
      .filter(({ msg, node }) => /^breaker (opened|half-opened|closed)$/.test(msg) && node === 'odd')
    return lines.length >= 5 && lines.map(({ breaker, reason, level }) => [level, breaker, reason])
  })
  assert.deepEqual(changes, [
    [30, 'open', 'too many failures'],
    [30, 'half-open', 'open time elapsed'],
    [30, 'open', 'probe failed'],
    [30, 'half-open', 'open time elapsed'],
    [30, 'closed', 'probe succeeded'],
  ])
})

test('the last good answer is served for a service that is gone, and marked as a fallback', async () => {
  const node = await startService('node', answering(200, { 'x-of': 'node' }))
  const ask = await serve('kept', { node }, { fallback: { stale: true, maxAgeSeconds: 60 } })
  const good = await ask({}, 'a')
  assert.deepEqual([good.text, good.headers.get('x-waygate-fallback')], ['200', null])
  await node.close()
  const old = await ask({}, 'a')
  assert.deepEqual(
    [old.status, old.text, old.headers.get('x-of'), old.headers.get('x-waygate-fallback')],
    [200, '200', 'node', '1'],
  )
  assert.match(old.headers.get('age') ?? '', /^\d+$/)
  assert.match(old.headers.get('warning') ?? '', /^110 /)
  assert.equal((await ask({}, 'b')).status, 502)
  assert.equal((await ask({ headers: { cookie: 'who=me' } }, 'a')).status, 502)
})

test('/metrics counts retries, hedges and refusals of the retry budget, by service', async () => {
  await using busy = await startService('counted-busy', answering(503))
  await using well = await startService('counted-well')
  const get = await serve('counted', { busy, well }, { retries: 1, balancer: 'weighted-round-robin' })
  for (let i = 0; i < 10; i++) assert.equal((await get()).status, 200)
  const text = await (await fetch(`${gateway.admin}/metrics`)).text()
  const value = (name: string) =>
    Number(new RegExp(`^${name}{service="counted"} (\\d+)$`, 'm').exec(text)?.[1])
  assert.equal(value('waygate_retries_total'), 5)
  for (const name of ['hedges_total', 'retries_refused_total', 'retries_in_flight'])
    assert.equal(value(`waygate_${name}`), 0, name)
})
