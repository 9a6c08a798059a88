import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { runLoad } from './load.ts'
import { openRegistry } from './registry.ts'
import { startServiceProcess } from './service.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { until } from './until.ts'

export interface NodeOutageOptions {
  readonly gateway: ServingGateway
  readonly getsPerSecond: number
  readonly durationMs: number
  /** Time from the start of the load until the node is killed or stopped. */
  readonly afterMs: number
  /** How long it is stopped; undefined = it is killed. Its key stays in etcd in both cases. */
  readonly stoppedMs?: number | undefined
}

export interface NodeOutageReport {
  readonly gets: number
  /** Number of tries on the node that timed out. */
  readonly timeouts: number
  /** Time from SIGCONT until the node got requests again; undefined when it was killed. */
  readonly backAfterMs: number | undefined
}

/** How soon a node that continues must be in use again. */
const BACK_WITHIN_MS = 5_000

/**
 * Kills one of three nodes under load, or stops it for a while, with its key still in etcd. Checks that no GET fails,
 * that a hung node costs at most five timeouts, and that it is in use again within 5 s.
 */
export async function endNodeUnderLoad(options: NodeOutageOptions): Promise<NodeOutageReport> {
  const { gateway, getsPerSecond, durationMs, afterMs, stoppedMs } = options
  await using stack = new AsyncDisposableStack()
  using registry = openRegistry(gateway.etcd)
  const ids = ['a', 'b', 'c']
  const nodes = await Promise.all(ids.map(async id => stack.use(await startServiceProcess(id))))
  await Promise.all(nodes.map((node, i) => registry.putNode('outage', ids[i]!, node)))
  const healthCheck = { path: '/', intervalMs: 1_000, timeoutMs: 1_000 }
  await registry.putRoute('outage', {
    path: '/outage/*',
    service: 'outage',
    tryTimeoutMs: 1_000,
    healthCheck,
  })
  const victim = async () => (await gateway.nodes('outage')).find(({ id }) => id === 'a')!
  await until('every node is found healthy', async () => {
    const found = await gateway.nodes('outage')
    return found.length === 3 && found.every(({ health }) => health === 'healthy')
  })

  const load = runLoad({ port: gateway.port, path: '/outage/', perSecond: getsPerSecond, durationMs })
  await delay(afterMs)
  await nodes[0]!.kill(stoppedMs === undefined ? 'SIGKILL' : 'SIGSTOP')
  await until('it is left out', async () => (await victim()).state === 'down')
  let backAfterMs: number | undefined
  if (stoppedMs !== undefined) {
    await delay(stoppedMs)
    const { requests } = await victim()
    await nodes[0]!.kill('SIGCONT')
    const goesOnAt = performance.now()
    await until('it is in use again', async () => (await victim()).requests > requests + 10, {
      withinMs: BACK_WITHIN_MS,
    })
    backAfterMs = performance.now() - goesOnAt
  }
  const { sent, statuses, errors } = await load
  assert.deepEqual([...errors], [], 'no GET without an answer')
  assert.deepEqual([...statuses], [[200, sent]], 'no GET with an error')
  const { timeouts } = await victim()
  assert.ok(timeouts <= 5, `${timeouts} tries timed out at the node`)
  return { gets: sent, timeouts, backAfterMs }
}

/** Formats the report as one line. */
export function describeOutage({ gets, timeouts, backAfterMs }: NodeOutageReport): string {
  const back = backAfterMs === undefined ? '' : `; in use again after ${Math.round(backAfterMs)} ms`
  return `${gets} GETs, 0 failed; ${timeouts} timeouts at the node${back}`
}
