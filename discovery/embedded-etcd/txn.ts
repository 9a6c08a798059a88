import type { KeyValue } from './key-value.ts'
import { checkPut, deleteRange, type LeaseLookup, put } from './put.ts'
import { range } from './range.ts'
import type { Compare, Op, OpResult, TxnRequest, TxnResult } from './requests.ts'
import type { Store, Writer } from './store.ts'

/** A transaction whose comparisons have all been decided, including those of inner transactions. */
interface Decided {
  readonly succeeded: boolean
  readonly ops: readonly DecidedOp[]
}

type DecidedOp = Exclude<Op, { kind: 'txn' }> | { readonly kind: 'txn'; readonly txn: Decided }

/**
 * Runs a transaction: decides all comparisons on the state before it, checks every operation that will run,
 * and then applies them in order in one revision (or none when nothing changes).
 *
 * @throws EtcdError before anything is changed
 */
export function txn(store: Store, leases: LeaseLookup, request: TxnRequest): TxnResult {
  const decided = decide(store, request)
  check(store, leases, decided)
  return store.write(writer => apply(store, writer, decided))
}

function decide(store: Store, request: TxnRequest): Decided {
  const succeeded = request.compares.every(compare => holds(store, compare))
  const ops = (succeeded ? request.success : request.failure).map(
    (op): DecidedOp => (op.kind === 'txn' ? { kind: 'txn', txn: decide(store, op.request) } : op),
  )
  return { succeeded, ops }
}

function check(store: Store, leases: LeaseLookup, { ops }: Decided): void {
  for (const op of ops) {
    switch (op.kind) {
      case 'range':
        store.checkRevision(op.request.revision)
        break
      case 'put':
        checkPut(store, leases, op.request)
        break
      case 'txn':
        check(store, leases, op.txn)
        break
      case 'delete':
        break
      default:
        op satisfies never
    }
  }
}

function apply(store: Store, writer: Writer, decided: Decided): TxnResult {
  const results = decided.ops.map((op): OpResult => {
    switch (op.kind) {
      case 'range':
        return { kind: 'range', result: range(store, op.request) }
      case 'put':
        return { kind: 'put', result: put(store, writer, op.request) }
      case 'delete':
        return { kind: 'delete', result: deleteRange(store, writer, op.request) }
      case 'txn':
        return { kind: 'txn', result: apply(store, writer, op.txn) }
      default:
        return op satisfies never
    }
  })
  return { revision: store.revision, succeeded: decided.succeeded, results }
}

const MISSING = { version: 0n, createRevision: 0n, modRevision: 0n, lease: 0n }

function holds(store: Store, compare: Compare): boolean {
  const kvs = store.range(compare.range)
  if (kvs.length > 0) return kvs.every(kv => relates(compare, kv))
  // A missing key has no value, as opposed to an empty one, so no comparison of its value is true.
  return compare.target !== 'value' && relates(compare, MISSING)
}

function relates({ target, result, operand }: Compare, kv: typeof MISSING | KeyValue): boolean {
  const order =
    target === 'value'
      ? Buffer.compare((kv as KeyValue).value, operand as Buffer)
      : orderOf(kv[target], operand as bigint)
  switch (result) {
    case 'equal':
      return order === 0
    case 'notEqual':
      return order !== 0
    case 'greater':
      return order > 0
    case 'less':
      return order < 0
    default:
      return result satisfies never
  }
}

function orderOf(a: bigint, b: bigint): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
