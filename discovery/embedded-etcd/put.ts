import { etcdError } from './errors.ts'
import type { DeleteRequest, DeleteResult, PutRequest, PutResult } from './requests.ts'
import type { Store, Writer } from './store.ts'

/** The part of the lease table that a write needs. */
export interface LeaseLookup {
  has(id: bigint): boolean
}

/**
 * Checks a put before anything is changed.
 *
 * @throws EtcdError when the lease is unknown, when the key whose value or lease is to be kept does not exist, or when there
 * is no space
 */
export function checkPut(store: Store, leases: LeaseLookup, request: PutRequest): void {
  if ((request.ignoreValue || request.ignoreLease) && !store.latest(request.key))
    throw etcdError('keyNotFound')
  if (request.lease !== 0n && !leases.has(request.lease)) throw etcdError('leaseNotFound')
  store.checkSpace(request.key.length + request.value.length)
}

/** Applies a put that has passed {@link checkPut}. */
export function put(store: Store, writer: Writer, request: PutRequest): PutResult {
  const present = request.ignoreValue || request.ignoreLease ? store.latest(request.key) : undefined
  const value = request.ignoreValue && present ? present.value : request.value
  const lease = request.ignoreLease && present ? present.lease : request.lease
  const previous = writer.put(request.key, value, lease)
  return { revision: writer.revision, previous: request.prevKv ? previous : undefined }
}

/** Applies a deletion. If it finds no key, it creates no revision. */
export function deleteRange(store: Store, writer: Writer, request: DeleteRequest): DeleteResult {
  const deleted = writer.delete(request.range)
  return { revision: store.revision, deleted: deleted.length, previous: request.prevKv ? deleted : [] }
}
