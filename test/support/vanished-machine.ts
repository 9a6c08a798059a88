import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { runLoad } from './load.ts'
import { makeMachine } from './machine.ts'
import { openRegistry } from './registry.ts'
import { startServiceProcess } from './service.ts'
import type { ServingGateway } from './serving-gateway.ts'
import { until } from './until.ts'

export interface VanishedMachineReport {
  readonly gets: number
  /** GETs that took longer than 500 ms, and than 1.5 s. */
  readonly slow: number
  readonly verySlow: number
  readonly slowestMs: number
  readonly posts: number
}

export interface VanishedMachineOptions {
  readonly gateway: ServingGateway
  readonly perSecond: number
  readonly durationMs: number
  /** Time from the start of the load until the machine vanishes. */
  readonly afterMs: number
  /** Whether the load ends when the node has been ejected, before `durationMs`. */
  readonly untilEjected?: boolean
  /** The `timeoutMs` of the route, so that a busy machine is not taken for a slow gateway. Default: the default. */
  readonly timeoutMs?: number
}

/**
 * Takes away the machine of one of three nodes under load, with its key still in etcd: its packets get lost. Checks that no GET fails, and no POST that was not under way at that node.
 */
export async function vanishUnderLoad(options: VanishedMachineOptions): Promise<VanishedMachineReport> {
  const { gateway, perSecond, durationMs, afterMs, untilEjected = false, timeoutMs } = options
  await using stack = new AsyncDisposableStack()
  const machine = stack.use(makeMachine())
  using registry = openRegistry(gateway.etcd)
  for (const id of ['a', 'b']) await registry.putNode('vanish', id, stack.use(await startServiceProcess(id)))
  const far = stack.use(await startServiceProcess('far', { runner: machine.runner, host: machine.address }))
  await registry.put('/services/vanish/far', JSON.stringify({ ip: machine.address, port: far.port }))
  if (timeoutMs !== undefined)
    await registry.putRoute('vanish', { path: '/vanish/*', service: 'vanish', timeoutMs })
  await gateway.untilNodes('vanish', ['a', 'b', 'far'])
  if (timeoutMs !== undefined)
    await until('the route applies', async () =>
      (await gateway.routes()).routes.some(({ id }) => id === 'vanish'),
    )

  const times: number[] = []
  const end = new AbortController()
  const common = { port: gateway.port, path: '/vanish/', durationMs, signal: end.signal }
  const loads = Promise.all([
    runLoad({ ...common, perSecond, onAnswer: ({ ms }) => void times.push(ms) }),
    runLoad({ ...common, perSecond: perSecond / 10, method: 'POST', body: n => `${n}` }),
  ])
  await delay(afterMs)
  machine.vanish()
  if (untilEjected) {
    const isLeftOut = async () =>
      (await gateway.nodes('vanish')).some(({ id, state }) => id === 'far' && state === 'down')
    await until('it is left out', isLeftOut, { withinMs: durationMs })
    end.abort()
  }
  const [gets, posts] = await loads
  const longerThan = (limit: number) => times.filter(ms => ms > limit).length
  const report = {
    gets: gets.sent,
    slow: longerThan(500),
    verySlow: longerThan(1_500),
    slowestMs: Math.max(...times),
    posts: posts.sent,
  }
  assert.deepEqual([...gets.errors], [])
  assert.deepEqual([...gets.statuses], [[200, gets.sent]], `${[...gets.bodies.keys()]}`)
  return report
}

/** Formats the report as one line. */
export function describeVanishing({ gets, slow, verySlow, slowestMs, posts }: VanishedMachineReport): string {
  const slowest = `the slowest took ${Math.round(slowestMs)} ms`
  return `${gets} GETs, 0 failed; ${slow} took more than 0.5 s, ${verySlow} more than 1.5 s, ${slowest}; ${posts} POSTs`
}
