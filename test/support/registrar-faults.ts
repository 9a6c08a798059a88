import type { IKeyValue } from 'etcd3'
import { etcdctl, type TestEtcd } from './etcd.ts'
import { openEtcdClient } from './etcd-client.ts'
import { until } from './until.ts'
import { type Program, startProgram } from './waygate.ts'

const KEY = '/services/user/u1'
/** How much longer than its TTL a lease may live: etcd checks twice a second. */
const LEASE_SLACK_MS = 5_000

/** A process that keeps one node registered, and the faults that can happen to it or to its key. */
export interface RegisteredProcess extends AsyncDisposable {
  /** Stops the process until its key is gone, and continues it. */
  standStill(): Promise<number>
  /** Deletes the key like an operator would. */
  deleteKey(): Promise<number>
  /** Revokes the lease like an operator would. */
  revokeLease(): Promise<number>
}

/**
 * Starts `waygate register` as a separate process, and resolves when it has registered. Each fault resolves when the
 * key is back, with the milliseconds from the moment at which the process could react.
 */
export async function startRegisteredProcess(etcd: TestEtcd, ttlSeconds: number): Promise<RegisteredProcess> {
  const client = openEtcdClient(etcd.url)
  const read = async (): Promise<IKeyValue | undefined> =>
    (await client.kv.range({ key: Buffer.from(KEY) })).kvs[0]
  const address = ['--name', 'user', '--id', 'u1', '--address', '10.0.0.7:3001']
  const program: Program = await startProgram({
    args: ['register', ...address, '--ttl', String(ttlSeconds), '--etcd', etcd.url],
  })
  const untilBack = async (since: IKeyValue): Promise<number> => {
    const begin = performance.now()
    const isNew = async () => {
      const now = await read()
      return now !== undefined && BigInt(now.create_revision) > BigInt(since.create_revision)
    }
    await until('the key is back', isNew, { withinMs: 60_000, everyMs: 5 })
    return performance.now() - begin
  }
  await until('it is registered', read)
  return {
    async standStill() {
      const before = await until('it is registered', read)
      program.child.kill('SIGSTOP')
      await until('its key is gone', async () => (await read()) === undefined, {
        withinMs: ttlSeconds * 1_000 + LEASE_SLACK_MS,
      })
      program.child.kill('SIGCONT')
      return untilBack(before)
    },
    async deleteKey() {
      const before = await until('it is registered', read)
      await etcdctl(etcd.url, 'del', KEY)
      return untilBack(before)
    },
    async revokeLease() {
      const before = await until('it is registered', read)
      await etcdctl(etcd.url, 'lease', 'revoke', BigInt(before.lease).toString(16))
      return untilBack(before)
    },
    async [Symbol.asyncDispose]() {
      await program.stop()
      client.close()
    },
  }
}
