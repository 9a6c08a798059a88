import { etcdError } from './errors.ts'
import { keyRange } from './key-range.ts'
import {
  COMPARE_RESULTS,
  COMPARE_TARGETS,
  type Compare,
  type DeleteRequest,
  type Op,
  type PutRequest,
  type RangeRequest,
  SORT_ORDERS,
  SORT_TARGETS,
  type TxnRequest,
} from './requests.ts'
import type { Int64 } from './wire.ts'

/** etcd's `--max-txn-ops`. */
const MAX_TXN_OPS = 128

export interface WireRangeRequest {
  readonly key: Buffer
  readonly range_end: Buffer
  readonly limit: Int64
  readonly revision: Int64
  readonly sort_order: number
  readonly sort_target: number
  readonly keys_only: boolean
  readonly count_only: boolean
  readonly min_mod_revision: Int64
  readonly max_mod_revision: Int64
  readonly min_create_revision: Int64
  readonly max_create_revision: Int64
}

/** @throws EtcdError when there is no key */
export function readRange(wire: WireRangeRequest): RangeRequest {
  return {
    range: keyRange(checkKey(wire.key), wire.range_end),
    limit: Number(wire.limit),
    revision: BigInt(wire.revision),
    sortOrder: SORT_ORDERS[wire.sort_order] ?? 'none',
    sortTarget: SORT_TARGETS[wire.sort_target] ?? 'key',
    keysOnly: wire.keys_only,
    countOnly: wire.count_only,
    modRevision: { min: BigInt(wire.min_mod_revision), max: BigInt(wire.max_mod_revision) },
    createRevision: { min: BigInt(wire.min_create_revision), max: BigInt(wire.max_create_revision) },
  }
}

export interface WirePutRequest {
  readonly key: Buffer
  readonly value: Buffer
  readonly lease: Int64
  readonly prev_kv: boolean
  readonly ignore_value: boolean
  readonly ignore_lease: boolean
}

/** @throws EtcdError when there is no key, or when the value or lease to ignore is given */
export function readPut(wire: WirePutRequest): PutRequest {
  const lease = BigInt(wire.lease)
  const key = checkKey(wire.key)
  if (wire.ignore_value && wire.value.length > 0) throw etcdError('valueProvided')
  if (wire.ignore_lease && lease !== 0n) throw etcdError('leaseProvided')
  const { value, prev_kv: prevKv, ignore_value: ignoreValue, ignore_lease: ignoreLease } = wire
  return { key, value, lease, prevKv, ignoreValue, ignoreLease }
}

export interface WireDeleteRequest {
  readonly key: Buffer
  readonly range_end: Buffer
  readonly prev_kv: boolean
}

/** @throws EtcdError when there is no key */
export function readDelete(wire: WireDeleteRequest): DeleteRequest {
  return { range: keyRange(checkKey(wire.key), wire.range_end), prevKv: wire.prev_kv }
}

export interface WireCompare {
  readonly result: number
  readonly target: number
  readonly key: Buffer
  readonly range_end: Buffer
  readonly version?: Int64
  readonly create_revision?: Int64
  readonly mod_revision?: Int64
  readonly lease?: Int64
  readonly value?: Buffer
}

export type WireOp = {
  readonly request_range?: WireRangeRequest
  readonly request_put?: WirePutRequest
  readonly request_delete_range?: WireDeleteRequest
  readonly request_txn?: WireTxnRequest
}

export interface WireTxnRequest {
  readonly compare: readonly WireCompare[]
  readonly success: readonly WireOp[]
  readonly failure: readonly WireOp[]
}

/**
 * @throws EtcdError for an invalid operation or too many (inner transactions share the limit of the outer
 * one)
 */
export function readTxn(wire: WireTxnRequest, maxOps = MAX_TXN_OPS): TxnRequest {
  const size = Math.max(wire.compare.length, wire.success.length, wire.failure.length)
  if (size > maxOps) throw etcdError('tooManyOps')
  return {
    compares: wire.compare.map(readCompare),
    success: wire.success.map(op => readOp(op, maxOps - size)),
    failure: wire.failure.map(op => readOp(op, maxOps - size)),
  }
}

function readOp(wire: WireOp, maxOps: number): Op {
  if (wire.request_range) return { kind: 'range', request: readRange(wire.request_range) }
  if (wire.request_put) return { kind: 'put', request: readPut(wire.request_put) }
  if (wire.request_delete_range) return { kind: 'delete', request: readDelete(wire.request_delete_range) }
  if (wire.request_txn) return { kind: 'txn', request: readTxn(wire.request_txn, maxOps) }
  throw etcdError('keyNotFound')
}

function readCompare(wire: WireCompare): Compare {
  const range = keyRange(checkKey(wire.key), wire.range_end)
  const result = COMPARE_RESULTS[wire.result] ?? 'equal'
  const target = COMPARE_TARGETS[wire.target] ?? 'version'
  return { range, result, target, operand: readOperand(wire, target) }
}

/** Reads the operand. One whose type does not fit the target counts as none: zero, or no bytes. */
function readOperand(wire: WireCompare, target: Compare['target']): bigint | Buffer {
  switch (target) {
    case 'value':
      return wire.value ?? Buffer.alloc(0)
    case 'version':
      return BigInt(wire.version ?? 0)
    case 'createRevision':
      return BigInt(wire.create_revision ?? 0)
    case 'modRevision':
      return BigInt(wire.mod_revision ?? 0)
    case 'lease':
      return BigInt(wire.lease ?? 0)
    default:
      return target satisfies never
  }
}

function checkKey(key: Buffer): Buffer {
  if (key.length === 0) throw etcdError('emptyKey')
  return key
}
