import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { startGatewayHere } from '../support/gateway-here.ts'
import { openRegistry } from '../support/registry.ts'
import { answerName, type Handler, type Service, startService } from '../support/service.ts'
import type { ServingGateway, ServingOptions } from '../support/serving-gateway.ts'
import { until } from '../support/until.ts'

interface Expectation {
  readonly origin: string
  readonly weights?: Readonly<Record<string, number>>
  readonly requests: number
  /** Number of requests before counting begins. */
  readonly warmup?: number
  readonly concurrency?: number
  readonly counts?: Readonly<Record<string, number>>
  readonly ratios?: Readonly<Record<string, number>>
  readonly tolerance?: number
}

const { cases } = JSON.parse(
  readFileSync(new URL('../fixtures/balancing_expectations.json', import.meta.url), 'utf8'),
) as { cases: readonly Expectation[] }

// A breaker that opens here stays open; breaker.test.ts covers how breakers close.
const gateway = await startGatewayHere({ config: { breaker: { openMs: 60_000 } } })
const registry = openRegistry(gateway.etcd)
after(async () => {
  registry[Symbol.dispose]()
  await gateway.stop()
})

interface Nodes extends AsyncDisposable {
  readonly [name: string]: Service
}

/** Starts a node per name and puts them into etcd under `service`; resolves when the gateway has them. */
async function serve(
  service: string,
  weights: Readonly<Record<string, number>>,
  handlers: Readonly<Record<string, Handler>> = {},
  { at = gateway, writer = registry } = {},
): Promise<Nodes> {
  const started = await Promise.all(
    Object.keys(weights).map(name => startService(name, handlers[name] ?? answerName(name))),
  )
  for (const { name, port } of started) await writer.putNode(service, name, { port, weight: weights[name]! })
  await at.untilNodes(service, Object.keys(weights))
  return Object.assign(Object.fromEntries(started.map(each => [each.name, each])), {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(started.map(each => each.close()))
    },
  }) as unknown as Nodes
}

async function ask(path: string, at: ServingGateway = gateway): Promise<string> {
  const response = await fetch(`${at.url}${path}`)
  const body = await response.text()
  return response.ok ? body : String(response.status)
}

/** Counts answers by body. */
async function count(
  path: string,
  requests: number,
  concurrency = 1,
  at = gateway,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  let left = requests
  const worker = async () => {
    while (left-- > 0) {
      const body = await ask(path, at)
      counts[body] = (counts[body] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return counts
}

test('weights 5, 1, 1 give the sequence a a b a c a a', async () => {
  await using _ = await serve('smooth', { a: 5, b: 1, c: 1 })
  const sequence = []
  for (let i = 0; i < 14; i++) sequence.push(await ask('/smooth/'))
  assert.equal(sequence.join(' '), 'a a b a c a a a a b a c a a')
})

for (const [index, { origin, weights, requests, warmup = 0, ...expected }] of cases.entries()) {
  if (weights === undefined || origin.includes("'failures'")) continue
  test(`shares match other proxies: ${origin}`, async () => {
    await using _ = await serve(`case${index}`, weights)
    for (let i = 0; i < warmup; i++) await ask(`/case${index}/`)
    const counts = await count(`/case${index}/`, requests, expected.concurrency)
    if (expected.counts) assert.deepEqual(counts, expected.counts)
    for (const [name, ratio] of Object.entries(expected.ratios ?? {})) {
      const share = (counts[name] ?? 0) / requests
      assert.ok(Math.abs(share - ratio) <= expected.tolerance!, `${name} had ${share}, expected ${ratio}`)
    }
  })
}

test('a node that drops every third request is left out after its third failure, like in nginx', async () => {
  const expectation = cases.find(({ origin }) => origin.includes("'failures'"))!
  // nginx leaves a node out at the third failure. Here a breaker opens at a ratio: three failures in nine requests are
  // a third, and with fewer than nine requests it must not open.
  const config: ServingOptions['config'] = {
    breaker: { minimumRequests: 9, failureRatio: 0.33, openMs: 60_000, windowMs: 60_000 },
  }
  await using strict = await startGatewayHere({ config })
  using writer = openRegistry(strict.etcd)
  let seen = 0
  const dropEveryThird: Handler = (request, response) => {
    if (++seen % 3 === 0) request.socket.destroy()
    else answerName('a')(request, response)
  }
  await using nodes = await serve(
    'failures',
    expectation.weights!,
    { a: dropEveryThird },
    { at: strict, writer },
  )
  const counts = await count('/failures/close', expectation.requests, 1, strict)
  assert.deepEqual(counts, expectation.counts)
  assert.equal(nodes.a!.count, 9)
  assert.equal((await strict.nodes('failures')).find(({ id }) => id === 'a')?.breaker, 'open')
})

/** A port on which nothing listens, so that connections are refused at once. */
const DEAD_PORT = 1

for (const { name, nodes, retries, attempts } of [
  { name: 'default', nodes: 4, retries: undefined, attempts: 4 },
  { name: 'retries 1', nodes: 4, retries: 1, attempts: 2 },
  { name: 'retries 0', nodes: 4, retries: 0, attempts: 1 },
  { name: 'retries 3, two nodes', nodes: 2, retries: 3, attempts: 2 },
]) {
  test(`with every node dead (${name}) there are ${attempts} tries, each on another node, then 502`, async () => {
    const service = `dead-${nodes}-${retries ?? 'default'}`
    for (let i = 0; i < nodes; i++) await registry.putNode(service, `n${i}`, { port: DEAD_PORT })
    await registry.putRoute(service, {
      path: `/${service}/*`,
      service,
      ...(retries !== undefined && { retries }),
    })
    await until('the route applies', async () =>
      (await gateway.routes()).routes.some(route => route.id === service && route.nodes.length === nodes),
    )
    assert.equal(await ask(`/${service}/x`), '502')
    const tried = (await gateway.nodes(service)).map(node => node.requests)
    assert.equal(
      tried.reduce((sum, requests) => sum + requests, 0),
      attempts,
    )
    assert.equal(Math.max(...tried), 1, 'never the same node twice')
  })
}

test('a node with weight 0 gets no requests, even when it is the only one', async () => {
  await using nodes = await serve('drained', { a: 0, b: 1 })
  assert.deepEqual(await count('/drained/', 10), { b: 10 })
  await registry.deleteNode('drained', 'b')
  await gateway.untilNodes('drained', ['a'])
  assert.equal(await ask('/drained/'), '503')
  assert.equal(nodes.a!.count, 0)
})

test('a changed weight applies to the next pick, and the node keeps its connections and breaker', async () => {
  const fail: Handler = (request, response) => {
    request.resume()
    response.statusCode = 500
    response.end('failed')
  }
  await using nodes = await serve('reweighted', { a: 1, b: 1, c: 1 }, { c: fail })
  await until('the breaker of c is open', async () => {
    await ask('/reweighted/')
    return (await gateway.nodes('reweighted')).find(({ id }) => id === 'c')?.breaker === 'open'
  })
  // Completes the sequence, so that the new weights start a fresh one.
  const { a, b, c } = nodes
  const before = { a: a!.connections, b: b!.connections, c: c!.count }
  await registry.putNode('reweighted', 'a', { port: a!.port, weight: 3 })
  await until('the weight is known', async () =>
    (await gateway.nodes('reweighted')).some(({ id, weight }) => id === 'a' && weight === 3),
  )
  const sequence = []
  for (let i = 0; i < 8; i++) sequence.push(await ask('/reweighted/'))
  assert.equal(sequence.join(' '), 'a a b a a a b a')
  const known = (await gateway.nodes('reweighted')).find(({ id }) => id === 'c')
  assert.equal(known?.breaker, 'open')
  assert.deepEqual({ a: a!.connections, b: b!.connections, c: c!.count }, before)
})
