import assert from 'node:assert/strict'
import { startEmbeddedEtcd } from '../../discovery/embedded-etcd/server.ts'
import { openEtcdClient } from './etcd-client.ts'
import type { LogLine } from './serving-gateway.ts'
import { startGateway } from './waygate.ts'

/** Lines that a gateway may log about as many keys as there are, from its start to its end. */
const MOST_LINES = 40

/**
 * Starts a gateway on an etcd with many keys that are no nodes, and ends it. Throws unless its log names the first of them,
 * counts the others, and is short. Resolves with the number of its lines.
 */
export async function startWithStrayKeys(keys: number): Promise<number> {
  const etcd = await startEmbeddedEtcd({ port: 0 })
  const client = openEtcdClient(etcd.url)
  try {
    for (let begin = 0; begin < keys; begin += 1_000) {
      const some = Array.from({ length: Math.min(1_000, keys - begin) }, (_, i) => begin + i)
      await Promise.all(some.map(i => client.put(`/services/stray/${i}`).value('nonsense')))
    }
    await using gateway = await startGateway({ etcd: etcd.url, config: { drainMs: 0 } })
    gateway.child.kill('SIGTERM')
    assert.deepEqual(await gateway.exited, { code: 0, signal: null })
    const log = gateway.log()
    const ignored = log.filter(({ msg }) => msg === 'registry value ignored')
    assert.equal(ignored.length, 20)
    assert.equal(ignored.length + leftOut(log, 'registry value ignored'), keys)
    assert.ok(log.length <= MOST_LINES, `${log.length} lines`)
    return log.length
  } finally {
    client.close()
    await etcd.close()
  }
}

/** Returns how many lines with a message were counted instead of being written. */
export function leftOut(log: readonly LogLine[], message: string): number {
  const counts = log.filter(line => line.msg === 'log lines left out' && line.message === message)
  return counts.reduce((sum, { lines }) => sum + Number(lines), 0)
}
