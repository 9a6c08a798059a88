import { etcdError } from './errors.ts'
import { fail, readRequests, type Stream, unary } from './grpc.ts'
import type { CallTurns } from './journal.ts'
import { LeaseExpiry } from './lease-expiry.ts'
import type { LeaseTable } from './lease-table.ts'
import type { Store } from './store.ts'
import { type HeaderFactory, type Int64, toLong } from './wire.ts'

const NOTHING = () => {}

export interface LeaseServiceOptions {
  readonly store: Store
  readonly leases: LeaseTable
  readonly now: () => number
  readonly header: HeaderFactory
  readonly turns: CallTurns
}

/** Creates etcd's Lease service, for leases that listen to the store, and starts to expire them. Call `close()` when done. */
export function createLeaseService({ store, leases, now, header, turns }: LeaseServiceOptions) {
  const present = () => header(store.revision)
  const expiry = new LeaseExpiry({ leases, now, turns, expire: revoke })
  expiry.schedule(leases.nextExpiryMs())
  const open = new Set<Stream<{ readonly ID: Int64 }, object>>()

  /** Removes a lease and, in one revision, its keys. */
  function revoke(id: bigint): boolean {
    const names = leases.remove(id)
    if (!names) return false
    store.write(writer => {
      for (const name of names) writer.delete({ from: name, to: `${name}\0` })
    })
    return true
  }

  return {
    handlers: {
      LeaseGrant: unary((request: { readonly TTL: Int64; readonly ID: Int64 }) => {
        store.checkLeaseSpace(leases.count)
        const { id, ttlSeconds, expiresAtMs } = leases.grant(BigInt(request.ID), BigInt(request.TTL))
        expiry.schedule(expiresAtMs)
        return { header: present(), ID: toLong(id), TTL: toLong(ttlSeconds) }
      }, turns),

      LeaseRevoke: unary((request: { readonly ID: Int64 }) => {
        if (!revoke(BigInt(request.ID))) throw etcdError('leaseNotFound')
        return { header: present() }
      }, turns),

      LeaseKeepAlive(call: Stream<{ readonly ID: Int64 }, object>): void {
        open.add(call)
        const forget = () => void open.delete(call)
        readRequests(call, ({ ID }, done) => {
          const id = BigInt(ID)
          turns.run(
            () => leases.renew(id),
            ttl => {
              call.write({ header: present(), ID: toLong(id), TTL: toLong(ttl) })
              done()
            },
          )
        })
        call.on('end', () => turns.run(NOTHING, () => call.end()))
        call.on('cancelled', forget)
        call.on('close', forget)
        call.on('error', forget)
      },

      LeaseTimeToLive: unary((request: { readonly ID: Int64; readonly keys: boolean }) => {
        const id = BigInt(request.ID)
        const lease = leases.describe(id)
        if (!lease) return { header: present(), ID: toLong(id), TTL: toLong(-1n) }
        return {
          header: present(),
          ID: toLong(id),
          TTL: toLong(lease.ttlSeconds),
          grantedTTL: toLong(lease.grantedSeconds),
          keys: request.keys ? lease.keys.map(name => Buffer.from(name, 'latin1')) : [],
        }
      }, turns),

      LeaseLeases: unary(
        () => ({
          header: present(),
          leases: leases.list().map(id => ({ ID: toLong(id) })),
        }),
        turns,
      ),
    },
    close(): void {
      expiry.close()
      for (const call of [...open]) fail(call, etcdError('stopped'))
    },
  }
}
