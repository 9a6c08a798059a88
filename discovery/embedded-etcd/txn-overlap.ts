import { etcdError } from './errors.ts'
import { contains, type KeyRange, keyName } from './key-range.ts'
import type { Op, TxnRequest } from './requests.ts'

/**
 * Rejects a transaction that could write one key twice: by two puts, or by a put and a deletion that covers
 * it, on the same level or in inner transactions. Only one of the two branches of a transaction runs, so both
 * may contain the same key. Deletions may overlap.
 *
 * @throws EtcdError `duplicate key given in txn request`
 */
export function checkOverlap(request: TxnRequest): void {
  writesOf(request.success)
  writesOf(request.failure)
}

interface Writes {
  readonly puts: Set<string>
  readonly deletes: KeyRange[]
}

function writesOf(ops: readonly Op[]): Writes {
  const puts = new Set<string>()
  const deletes = ops.flatMap(op => (op.kind === 'delete' ? [op.request.range] : []))
  const addPut = (name: string, mayRepeat = false) => {
    if (puts.has(name) && !mayRepeat) throw etcdError('duplicateKey')
    if (deletes.some(range => contains(range, name))) throw etcdError('duplicateKey')
    puts.add(name)
  }
  for (const op of ops) {
    if (op.kind !== 'txn') continue
    const then = writesOf(op.request.success)
    const otherwise = writesOf(op.request.failure)
    for (const name of then.puts) addPut(name)
    for (const name of otherwise.puts) addPut(name, then.puts.has(name))
    for (const range of then.deletes) deletes.push(range)
    for (const range of otherwise.deletes) deletes.push(range)
  }
  for (const op of ops) if (op.kind === 'put') addPut(keyName(op.request.key))
  return { puts, deletes }
}
