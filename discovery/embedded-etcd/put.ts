import { etcdError } from './errors.ts'
import type { DeleteRequest, DeleteResult, PutRequest, PutResult } from './requests.ts'
import type { Store, Writer } from './store.ts'

/** What a write must know of leases: whether there is one. */
export interface LeaseLookup {
  has(id: bigint): boolean
}

/**
 * Refuses a put that cannot be done as things are, before anything is changed.
 *
 * @throws EtcdError when the lease is unknown, or the value or lease to keep is that of a missing key.
 */
export function checkPut(store: Store, leases: LeaseLookup, request: PutRequest): void {
  if ((request.ignoreValue || request.ignoreLease) && !store.latest(request.key))
    throw etcdError('keyNotFound')
  if (request.lease !== 0n && !leases.has(request.lease)) throw etcdError('leaseNotFound')
}

/** Applies a put that {@link checkPut} has let through. */
export function put(store: Store, writer: Writer, request: PutRequest): PutResult {
  const present = request.ignoreValue || request.ignoreLease ? store.latest(request.key) : undefined
  const value = request.ignoreValue && present ? present.value : request.value
  const lease = request.ignoreLease && present ? present.lease : request.lease
  const previous = writer.put(request.key, value, lease)
  return { revision: writer.revision, previous: request.prevKv ? previous : undefined }
}

/** Applies a deletion. One that finds nothing makes no revision of its own. */
export function deleteRange(store: Store, writer: Writer, request: DeleteRequest): DeleteResult {
  const deleted = writer.delete(request.range)
  return { revision: store.revision, deleted: deleted.length, previous: request.prevKv ? deleted : [] }
}
