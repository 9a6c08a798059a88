import assert from 'node:assert/strict'
import { startGatewayHere } from './gateway-here.ts'
import { send } from './http.ts'
import { assertUnnoticed, type ClientsReport, startClients } from './paced-clients.ts'
import { openRegistry } from './registry.ts'
import { startServiceProcess } from './service.ts'
import { until } from './until.ts'
import { startGateway } from './waygate.ts'

export interface HandOverOptions {
  /** Number of workers of the gateway that shuts down. */
  readonly workers: number
  readonly perSecond: number
  /** Duration of the request that is in flight when the gateway gets SIGTERM. */
  readonly slowMs: number
  /** Number of requests before the shutdown, and again after it. */
  readonly around: number
}

export interface HandOverReport extends ClientsReport {
  /** Time from SIGTERM until the exit. */
  readonly exitedAfterMs: number
}

/**
 * Ends a gateway with SIGTERM while clients use it, next to another one that they move to. Checks that no request
 * fails, that no POST is lost or doubled, that a slow request is answered, and that the gateway exits with 0.
 */
export async function handOverUnderLoad(options: HandOverOptions): Promise<HandOverReport> {
  const { workers, perSecond, slowMs, around } = options
  await using stack = new AsyncDisposableStack()
  // The gateway that stays runs the etcd of both.
  const second = stack.use(await startGatewayHere())
  const first = stack.use(await startGateway({ etcd: second.etcd, args: ['--workers', String(workers)] }))
  const nodes = await Promise.all(['a', 'b'].map(async id => stack.use(await startServiceProcess(id))))
  const registry = stack.use(openRegistry(second.etcd))
  for (const node of nodes) await registry.putNode('pair', `n${node.port}`, node)
  await registry.putNode('slow', 's1', nodes[0]!)
  for (const gateway of [first, second]) {
    await gateway.untilNodes(
      'pair',
      nodes.map(({ port }) => `n${port}`),
    )
    await gateway.untilNodes('slow', ['s1'])
  }

  const ports = [first.port, second.port]
  const clients = stack.use(startClients({ ports, path: '/pair/', perSecond }))
  await clients.more(around)
  const slow = send(first.port, { path: `/slow/?delayMs=${slowMs}` })
  await until('the slow request is under way', async () => (await first.nodes('slow'))[0]?.inFlight === 1)
  assert.deepEqual(clients.moves(), [], 'nobody leaves before the gateway does')
  first.child.kill('SIGTERM')
  const toldAt = performance.now()
  const exit = await first.exited
  const exitedAfterMs = performance.now() - toldAt
  await clients.more(around)
  assert.deepEqual(exit, { code: 0, signal: null })
  assert.equal((await slow).status, 200)
  assert.ok(!first.log().some(({ msg }) => msg === 'requests were cut off'))

  // A connection that is closed without notice could have a request in flight.
  assert.deepEqual(new Set(clients.moves()), new Set(['told']))
  const report = await clients.finish()
  assertUnnoticed(report, (await Promise.all(nodes.map(node => node.posted()))).flat())
  return { ...report, exitedAfterMs }
}

/** Formats the report as one line. */
export function describeHandOver({ gets, posts, perSecond, exitedAfterMs }: HandOverReport): string {
  return `${gets} GETs and ${posts} POSTs at ${Math.round(perSecond)}/s, 0 failed; exit after ${Math.round(exitedAfterMs)} ms`
}
