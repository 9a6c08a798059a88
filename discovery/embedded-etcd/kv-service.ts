import { etcdError } from './errors.ts'
import { requestBytes, unary } from './grpc.ts'
import type { CallTurns } from './journal.ts'
import {
  readDelete,
  readPut,
  readRange,
  readTxn,
  type WireDeleteRequest,
  type WirePutRequest,
  type WireRangeRequest,
  type WireTxnRequest,
} from './kv-requests.ts'
import { checkPut, deleteRange, type LeaseLookup, put } from './put.ts'
import { range } from './range.ts'
import type { DeleteResult, OpResult, PutResult, RangeResult, TxnResult } from './requests.ts'
import type { Store } from './store.ts'
import { txn } from './txn.ts'
import { checkOverlap } from './txn-overlap.ts'
import { type HeaderFactory, type Int64, toLong, toWireKeyValue } from './wire.ts'

export interface KvServiceOptions {
  readonly store: Store
  readonly leases: LeaseLookup
  readonly header: HeaderFactory
  readonly turns: CallTurns
  /** Larger writes are refused. */
  readonly maxRequestBytes: number
}

interface WireCompactionRequest {
  readonly revision: Int64
}

/** Creates etcd's KV service for a store. */
export function createKvService({ store, leases, header, turns, maxRequestBytes }: KvServiceOptions) {
  const checkSize = (request: object) => {
    if (requestBytes(request) > maxRequestBytes) throw etcdError('requestTooLarge')
  }
  return {
    Range: unary((request: WireRangeRequest) => wireRange(range(store, readRange(request)), header), turns),

    Put: unary((wire: WirePutRequest) => {
      checkSize(wire)
      const request = readPut(wire)
      checkPut(store, leases, request)
      return wirePut(
        store.write(writer => put(store, writer, request)),
        header,
      )
    }, turns),

    DeleteRange: unary((wire: WireDeleteRequest) => {
      checkSize(wire)
      const request = readDelete(wire)
      return wireDelete(
        store.write(writer => deleteRange(store, writer, request)),
        header,
      )
    }, turns),

    Txn: unary((wire: WireTxnRequest) => {
      checkSize(wire)
      const request = readTxn(wire)
      checkOverlap(request)
      return wireTxn(txn(store, leases, request), header)
    }, turns),

    Compact: unary((request: WireCompactionRequest) => {
      store.compact(BigInt(request.revision))
      return { header: header(store.revision) }
    }, turns),
  }
}

/** The headers inside the response to a transaction have only the revision. */
const innerHeader: HeaderFactory = revision => ({ revision: toLong(revision) })

function wireRange({ revision, kvs, keysOnly, more, count }: RangeResult, header: HeaderFactory) {
  return { header: header(revision), kvs: kvs.map(kv => toWireKeyValue(kv, keysOnly)), more, count }
}

function wirePut({ revision, previous }: PutResult, header: HeaderFactory) {
  return { header: header(revision), prev_kv: previous ? toWireKeyValue(previous) : null }
}

function wireDelete({ revision, deleted, previous }: DeleteResult, header: HeaderFactory) {
  return { header: header(revision), deleted, prev_kvs: previous.map(kv => toWireKeyValue(kv)) }
}

function wireTxn({ revision, succeeded, results }: TxnResult, header: HeaderFactory): object {
  return { header: header(revision), succeeded, responses: results.map(wireOp) }
}

function wireOp(op: OpResult): object {
  switch (op.kind) {
    case 'range':
      return { response_range: wireRange(op.result, innerHeader) }
    case 'put':
      return { response_put: wirePut(op.result, innerHeader) }
    case 'delete':
      return { response_delete_range: wireDelete(op.result, innerHeader) }
    case 'txn':
      // etcd leaves the revision empty in the header of an inner transaction.
      return { response_txn: wireTxn(op.result, () => innerHeader(0n)) }
    default:
      return op satisfies never
  }
}
