import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openRegistry } from './registry.ts'
import { type Handler, type Service, startService } from './service.ts'
import { type RunningGateway, startGateway } from './waygate.ts'

export interface GatewayWithWorkers extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly node: Service
  /** Writes the configuration file anew; it is not read before a SIGHUP. */
  configure(config: object | string): Promise<void>
  /** The processes that take connections. */
  workers(): Promise<readonly number[]>
  /** The value of a metric, summed over its series. */
  metric(name: string): Promise<number>
}

/** A gateway of two workers with one node, reachable at `/echo/*`. */
export async function startWithWorkers(
  config: object = {},
  { handler, args = [] }: { readonly handler?: Handler; readonly args?: readonly string[] } = {},
): Promise<GatewayWithWorkers> {
  const node = await startService('node', handler)
  const gateway = await startGateway({ config, args: ['--workers', '2', ...args] })
  using registry = openRegistry(gateway.etcd)
  await registry.putNode('echo', 'n1', node)
  await gateway.untilNodes('echo', ['n1'])
  const page = async (path: string) => (await fetch(gateway.admin + path)).text()
  return {
    gateway,
    node,
    configure: text =>
      writeFile(join(gateway.cwd, 'waygate.yaml'), typeof text === 'string' ? text : JSON.stringify(text)),
    workers: async () => ((await gateway.routes()).workers ?? []).map(({ pid }) => pid),
    async metric(name) {
      const values = [...(await page('/metrics')).matchAll(new RegExp(`^${name}(?:{.*})? (\\S+)$`, 'gm'))]
      return values.reduce((sum, [, value]) => sum + Number(value), 0)
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop()
      await node.close()
    },
  }
}

/** The processes that a process has started and that still run. */
export function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(each => parentOf(each) === pid)
}

/** Whether a process still runs, rather than having ended. */
export function isRunning(pid: number): boolean {
  const state = stat(pid)?.[0]
  return state !== undefined && state !== 'Z'
}

function parentOf(pid: number): number | undefined {
  const parent = stat(pid)?.[1]
  return parent === undefined ? undefined : Number(parent)
}

/** State, parent and so on; see proc(5). The name before them may hold anything. */
function stat(pid: number): readonly string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}
