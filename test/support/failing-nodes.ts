import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type LoadResult, runLoad } from './load.ts'
import { openRegistry } from './registry.ts'
import { answerName, type Handler, type Service, startService } from './service.ts'
import type { ServingGateway } from './serving-gateway.ts'

const failing =
  (status: number): Handler =>
  (request, response) => {
    request.resume()
    response.writeHead(status).end(`${status}`)
  }

export interface HalfFailingOptions {
  readonly gateway: ServingGateway
  /** Name of a service that has no nodes yet. */
  readonly service: string
  /** Number of nodes; half of them start to answer with 500. */
  readonly nodes: 2 | 4
  readonly getsPerSecond: number
  /** Time from the breakers of the failing half being open until their nodes recover. */
  readonly failMs: number
}

export interface HalfFailingReport {
  readonly requests: number
  readonly succeeded: number
  /** Requests that reached the failing half in that time: probes. */
  readonly probes: number
}

/** The share of requests that must succeed. */
const SUCCESS = 0.99

/**
 * Makes half of a service's nodes answer 500 under load. Checks that at least 99% of the requests succeed once their
 * breakers are open, that there is always a node to choose, and that all nodes are used again after they recover.
 */
export async function failHalf(options: HalfFailingOptions): Promise<HalfFailingReport> {
  const { gateway, service, nodes: count, getsPerSecond, failMs } = options
  await using stack = new AsyncDisposableStack()
  const nodes: Service[] = []
  for (let i = 0; i < count; i++) nodes.push(stack.use(await startService(`n${i}`)))
  const bad = nodes.slice(0, count / 2)
  const registry = stack.use(openRegistry(gateway.etcd))
  for (const node of nodes) await registry.putNode(service, node.name, node)
  await gateway.untilNodes(
    service,
    nodes.map(({ name }) => name),
  )
  const load = { port: gateway.port, path: `/${service}/`, perSecond: getsPerSecond }
  const breakers = async () => (await gateway.nodes(service)).map(({ breaker }) => breaker)

  for (const node of bad) node.handler = failing(500)
  await loadUntil(
    load,
    async () => (await breakers()).filter(state => state !== 'closed').length === bad.length,
  )
  const before = bad.reduce((sum, node) => sum + node.count, 0)
  const result = await runLoad({ ...load, durationMs: failMs })
  const probes = bad.reduce((sum, node) => sum + node.count, 0) - before
  const succeeded = result.statuses.get(200) ?? 0
  assertAlwaysAsked(result)
  assert.ok(succeeded >= SUCCESS * result.sent, `${succeeded} of ${result.sent}`)
  assert.equal(result.sent - succeeded, probes, 'nothing but probes failed')

  for (const node of bad) node.handler = answerName(node.name)
  await loadUntil(load, async () => (await breakers()).every(state => state === 'closed'))
  const again = await runLoad({ ...load, durationMs: 500 })
  assert.deepEqual([...again.statuses.keys()], [200])
  assert.deepEqual(
    [...again.bodies.keys()].sort(),
    nodes.map(({ name }) => name),
  )
  return { requests: result.sent, succeeded, probes }
}

/** Checks that every answer came from a node: none says that no node exists, or that all breakers are open. */
function assertAlwaysAsked({ statuses, errors }: LoadResult): void {
  assert.deepEqual([...errors], [])
  for (const status of statuses.keys()) assert.ok(status === 200 || status === 500, `${status}`)
}

/** Sends load until a condition holds. */
async function loadUntil(
  load: Omit<Parameters<typeof runLoad>[0], 'durationMs'>,
  fact: () => Promise<boolean>,
): Promise<void> {
  const stopping = new AbortController()
  const running = runLoad({ ...load, durationMs: 60_000, signal: stopping.signal })
  let isOver = false
  void running.finally(() => {
    isOver = true
  })
  try {
    while (!(await fact())) {
      assert.ok(!isOver, 'it has not come to be within 60 s')
      await delay(20)
    }
  } finally {
    stopping.abort()
    assertAlwaysAsked(await running)
  }
}

export interface StormOptions {
  readonly gateway: ServingGateway
  readonly service: string
  readonly concurrency: number
  readonly durationMs: number
}

export interface StormReport {
  readonly sent: number
  readonly reached: number
  /** Number of answers by error code of the gateway, or `node` for answers of nodes. */
  readonly answers: ReadonlyMap<string, number>
}

/** How many requests may reach nodes per request of a client. */
const AMPLIFICATION = 1.2

/**
 * Lets clients send one request after another to a service whose three nodes all answer 503. Checks that at most 1.2
 * times as many requests reach the nodes as clients send, and that each is answered with 503.
 */
export async function stormUnavailable(options: StormOptions): Promise<StormReport> {
  const { gateway, service, concurrency, durationMs } = options
  await using stack = new AsyncDisposableStack()
  const registry = stack.use(openRegistry(gateway.etcd))
  const nodes: Service[] = []
  for (const id of ['a', 'b', 'c']) nodes.push(stack.use(await startService(id, failing(503))))
  for (const node of nodes) await registry.putNode(service, node.name, node)
  await gateway.untilNodes(
    service,
    nodes.map(({ name }) => name),
  )
  const answers = new Map<string, number>()
  const endAt = performance.now() + durationMs
  let sent = 0
  const clients = Array.from({ length: concurrency }, async () => {
    while (performance.now() < endAt) {
      sent++
      const response = await fetch(`${gateway.url}/${service}/`)
      const text = await response.text()
      assert.equal(response.status, 503)
      const answer = text === '503' ? 'node' : String(JSON.parse(text).code)
      answers.set(answer, (answers.get(answer) ?? 0) + 1)
    }
  })
  await Promise.all(clients)
  const reached = nodes.reduce((sum, node) => sum + node.count, 0)
  assert.ok(reached <= AMPLIFICATION * sent, `${reached} of ${sent}`)
  return { sent, reached, answers }
}
