import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { startRedis, type TestRedis } from './redis.ts'
import { until } from './until.ts'

const execute = promisify(execFile)

/** A Redis Cluster of three masters. The caller disposes of it. */
export interface TestRedisCluster extends AsyncDisposable {
  readonly nodes: readonly TestRedis[]
  readonly urls: readonly string[]
}

/** Starts a cluster, and resolves when every node says that it is complete. */
export async function startRedisCluster(): Promise<TestRedisCluster> {
  const nodes: TestRedis[] = []
  const stop = async () => void (await Promise.all(nodes.map(node => node.stop())))
  try {
    for (let i = 0; i < 3; i++) {
      const args = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())]
      nodes.push(await startRedis({ args: [...args, '--cluster-node-timeout', '2000'] }))
    }
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
    await execute('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes'])
    await until('the cluster is complete', async () => {
      const infos = await Promise.all(nodes.map(node => node.cli('cluster', 'info')))
      return infos.every(info => info.includes('cluster_state:ok'))
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { nodes, urls: nodes.map(({ url }) => url), [Symbol.asyncDispose]: stop }
}
