import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry } from '../support/registry.ts'
import { answerName, type Handler, startService } from '../support/service.ts'
import { until } from '../support/until.ts'

const OPEN_MS = 2_000
const gateway = await startGatewayHere({
  config: { breaker: { minimumRequests: 4, failureRatio: 0.5, openMs: OPEN_MS } },
})
const registry = openRegistry(gateway.etcd)
after(async () => {
  registry[Symbol.dispose]()
  await gateway.stop()
})

const fail: Handler = (request, response) => {
  request.resume()
  response.statusCode = 500
  response.end('failed')
}

async function breakerOf(service: string, id: string): Promise<string | undefined> {
  return (await gateway.nodes(service)).find(node => node.id === id)?.breaker
}

async function statusOf(path: string): Promise<number> {
  const response = await fetch(`${gateway.url}${path}`)
  await response.arrayBuffer()
  return response.status
}

async function putRoute(id: string, document: object): Promise<void> {
  await registry.putRoute(id, document)
  await until(`route ${id} applies`, async () =>
    (await gateway.routes()).routes.some(route => route.id === id),
  )
}

test('a node that answers 500 is left out, is probed after a while, and is back after one good answer', async () => {
  await using bad = await startService('bad', fail)
  await using good = await startService('good')
  await registry.putNode('ratio', 'bad', bad)
  await registry.putNode('ratio', 'good', good)
  await gateway.untilNodes('ratio', ['bad', 'good'])

  for (let i = 0; i < 8; i++) await statusOf('/ratio/')
  assert.equal(bad.count, 4, 'four failures of four requests open it')
  assert.equal(await breakerOf('ratio', 'bad'), 'open')
  for (let i = 0; i < 8; i++) assert.equal(await statusOf('/ratio/'), 200)
  assert.equal(bad.count, 4, 'while it is open it gets nothing')

  bad.handler = answerName('bad')
  await until('one request was let through', async () => {
    await statusOf('/ratio/')
    return bad.count > 4
  })
  assert.equal(await breakerOf('ratio', 'bad'), 'closed')
  const changes = await until('every change is logged', () => {
    const lines = gateway
      .log()
      .filter(({ msg, service }) => /^breaker (opened|half-opened|closed)$/.test(msg) && service === 'ratio')
    return lines.length >= 3 && lines.map(({ breaker }) => breaker)
  })
  assert.deepEqual(changes, ['open', 'half-open', 'closed'])
})

test('a failed probe opens the breaker again', async () => {
  await using bad = await startService('bad', fail)
  await using good = await startService('good')
  await registry.putNode('reopened', 'bad', bad)
  await registry.putNode('reopened', 'good', good)
  await gateway.untilNodes('reopened', ['bad', 'good'])
  await until('a probe was sent', async () => {
    await statusOf('/reopened/')
    return bad.count === 5
  })
  assert.equal(await breakerOf('reopened', 'bad'), 'open')
})

test('of 100 simultaneous requests to a half-open breaker, exactly one reaches the node', async () => {
  await putRoute('herd', { path: '/herd/*', service: 'herd', breaker: { ejectLastNode: true } })
  await using recovering = await startService('recovering', fail)
  await registry.putNode('herd', 'n1', recovering)
  await gateway.untilNodes('herd', ['n1'])
  for (let i = 0; i < 4; i++) assert.equal(await statusOf('/herd/'), 500)
  assert.equal(await statusOf('/herd/'), 503)

  let release = () => {}
  const released = new Promise<void>(resolve => {
    release = resolve
  })
  recovering.handler = (request, response) => void released.then(() => answerName('well')(request, response))
  await until('it is due', async () => (await breakerOf('herd', 'n1')) === 'half-open')
  const statuses: number[] = []
  const all = Promise.all(
    Array.from({ length: 100 }, async () => {
      statuses.push(await statusOf('/herd/'))
    }),
  )
  // The probe hangs until the others have been refused.
  await until('99 were refused', () => statuses.length === 99)
  assert.deepEqual(new Set(statuses), new Set([503]))
  assert.equal(recovering.count, 5)
  release()
  await all
  assert.equal(statuses.at(-1), 200)
  assert.equal(recovering.count, 5)
  assert.equal(await breakerOf('herd', 'n1'), 'closed')
})

test('with every breaker open the answer is WG_CIRCUIT_OPEN with Retry-After', async () => {
  await putRoute('broken', { path: '/broken/*', service: 'broken', breaker: { ejectLastNode: true } })
  await using one = await startService('one', fail)
  await using two = await startService('two', fail)
  await registry.putNode('broken', 'one', one)
  await registry.putNode('broken', 'two', two)
  await gateway.untilNodes('broken', ['one', 'two'])
  for (let i = 0; i < 8; i++) assert.equal(await statusOf('/broken/'), 500)
  const response = await fetch(`${gateway.url}/broken/`)
  assert.equal(response.status, 503)
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  assert.match(response.headers.get('retry-after') ?? '', /^[12]$/)
  const problem = (await response.json()) as Record<string, unknown>
  assert.equal(problem.code, 'WG_CIRCUIT_OPEN')
  assert.equal(problem.requestId, response.headers.get('x-request-id'))
  assert.equal(one.count + two.count, 8)
})

test('a route with a static fallback answers with it when its service cannot', async () => {
  const fallback = { status: 200, headers: { 'content-type': 'application/json' }, body: '{"items":[]}' }
  await putRoute('fixed', {
    path: '/fixed/*',
    service: 'fixed',
    fallback,
    breaker: { ejectLastNode: true },
  })
  await using bad = await startService('bad', fail)
  const expectFallback = async () => {
    const response = await fetch(`${gateway.url}/fixed/`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('x-waygate-fallback'), '1')
    assert.equal(response.headers.get('content-type'), 'application/json')
    assert.equal(await response.text(), '{"items":[]}')
  }
  await expectFallback()
  await registry.putNode('fixed', 'n1', bad)
  await gateway.untilNodes('fixed', ['n1'])
  // An answer of a node is passed on, even if it is a failure.
  for (let i = 0; i < 4; i++) assert.equal(await statusOf('/fixed/'), 500)
  await expectFallback()
})

test('a route with a fallback service is answered by that service when its own cannot', async () => {
  await using substitute = await startService('substitute')
  await registry.putNode('substitute', 's1', substitute)
  await gateway.untilNodes('substitute', ['s1'])
  await putRoute('replaced', {
    path: '/replaced/*',
    service: 'replaced',
    fallback: { service: 'substitute' },
  })
  const response = await fetch(`${gateway.url}/replaced/`)
  assert.equal(response.headers.get('x-waygate-fallback'), '1')
  assert.equal(await response.text(), 'substitute')

  await using own = await startService('own')
  await registry.putNode('replaced', 'n1', own)
  await gateway.untilNodes('replaced', ['n1'])
  const direct = await fetch(`${gateway.url}/replaced/`)
  assert.equal(direct.headers.get('x-waygate-fallback'), null)
  assert.equal(await direct.text(), 'own')
})
