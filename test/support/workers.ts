import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openRegistry } from './registry.ts'
import { type Handler, type Service, startService } from './service.ts'
import { type RunningGateway, startGateway } from './waygate.ts'

export interface GatewayWithWorkers extends AsyncDisposable {
  readonly gateway: RunningGateway
  readonly node: Service
  /** Replaces the configuration file, which is read at the next SIGHUP. */
  configure(config: object | string): Promise<void>
  /** Returns the process ids of the workers that get connections. */
  workers(): Promise<readonly number[]>
  /** Returns the value of a metric, summed over its series. */
  metric(name: string): Promise<number>
}

/** Starts a gateway with two workers and one node, reachable at `/echo/*`. */
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
