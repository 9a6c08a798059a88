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
  readonly deletes: RangeUnion
}

function writesOf(ops: readonly Op[]): Writes {
  const puts = new Set<string>()
  const deletes = new RangeUnion(ops.flatMap(op => (op.kind === 'delete' ? [op.request.range] : [])))
  const addPut = (name: string, mayRepeat = false) => {
    if (puts.has(name) && !mayRepeat) throw etcdError('duplicateKey')
    if (deletes.contains(name)) throw etcdError('duplicateKey')
    puts.add(name)
  }
  for (const op of ops) {
    if (op.kind !== 'txn') continue
    const then = writesOf(op.request.success)
    const otherwise = writesOf(op.request.failure)
    for (const name of then.puts) addPut(name)
    for (const name of otherwise.puts) addPut(name, then.puts.has(name))
    deletes.add(then.deletes)
    deletes.add(otherwise.deletes)
  }
  for (const op of ops) if (op.kind === 'put') addPut(keyName(op.request.key))
  return { puts, deletes }
}

/**
 * The keys of many ranges. Inner transactions may hold a hundred thousand ranges and as many keys, so ranges are sorted and joined,
 * in lists of which each is at least twice as long as the next one.
 */
class RangeUnion {
  readonly #lists: KeyRange[][] = []

  constructor(ranges: KeyRange[]) {
    this.#addList(joined(ranges))
  }

  add(other: RangeUnion): void {
    for (const list of other.#lists) this.#addList(list)
  }

  contains(name: string): boolean {
    return this.#lists.some(list => {
      let low = 0
      let high = list.length
      while (low < high) {
        const middle = (low + high) >>> 1
        if (list[middle]!.from <= name) low = middle + 1
        else high = middle
      }
      const last = list[low - 1]
      return last !== undefined && contains(last, name)
    })
  }

  #addList(added: KeyRange[]): void {
    if (added.length === 0) return
    let list = added
    while (this.#lists.length > 0 && this.#lists.at(-1)!.length < 2 * list.length) {
      list = joined(this.#lists.pop()!.concat(list))
    }
    this.#lists.push(list)
  }
}

/** Returns ranges of the same keys that do not meet, in order. */
function joined(ranges: readonly KeyRange[]): KeyRange[] {
  const apart: KeyRange[] = []
  for (const range of ranges.toSorted((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0))) {
    if (range.to !== undefined && range.to <= range.from) continue
    const last = apart.at(-1)
    if (last === undefined || (last.to !== undefined && last.to < range.from)) apart.push(range)
    else if (last.to !== undefined && (range.to === undefined || last.to < range.to)) {
      apart[apart.length - 1] = { from: last.from, to: range.to }
    }
  }
  return apart
}
