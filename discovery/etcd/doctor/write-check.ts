import { randomUUID } from 'node:crypto'
import type { Etcd3 } from 'etcd3'
import { type DoctorFinding, duration } from './finding.ts'
import { refusalOf } from './refusal.ts'

/** Long enough for the check; the key ends with it whatever happens. */
const TTL_SECONDS = 6
/** A service without a node, so that no gateway takes it for one or complains. */
const VALUE = '{"nodes":[]}'

/** Puts one key below `prefix` under a lease, deletes it and ends the lease. */
export async function checkWriting(client: Etcd3, prefix: string): Promise<DoctorFinding[]> {
  const key = Buffer.from(`${prefix}.waygate-doctor/${randomUUID()}`)
  const startedAt = performance.now()
  let lease: string | undefined
  try {
    lease = (await client.leaseClient.leaseGrant({ TTL: TTL_SECONDS })).ID
    await client.kv.put({ key, value: Buffer.from(VALUE), lease })
    await client.kv.deleteRange({ key })
    const tookMs = performance.now() - startedAt
    return [
      {
        check: 'writing',
        level: 'ok',
        message: `a key below ${prefix} was written and deleted, in ${duration(tookMs)}`,
        details: { prefix, tookMs: Math.round(tookMs * 10) / 10 },
      },
    ]
  } catch (error) {
    const { kind, reason } = refusalOf(error)
    return [
      {
        check: 'writing',
        level: 'problem',
        message: `no key below ${prefix} can be written, so no node can register from here: ${reason}`,
        hint:
          kind === 'denied'
            ? `etcdctl role grant-permission ROLE --prefix=true readwrite ${prefix}; a gateway alone needs only read`
            : 'look at the other findings first',
        details: { prefix },
      },
    ]
  } finally {
    // The key ends by itself where this fails.
    if (lease !== undefined) await client.leaseClient.leaseRevoke({ ID: lease }).catch(() => {})
  }
}
