import type { KeyRange } from './key-range.ts'
import { isDeletion, type KeyValue } from './key-value.ts'

/**
 * Holds every key, in key order, with its states, oldest first. The order is kept in a sorted array. Adding a
 * key moves the keys after it, which takes microseconds for the tens of thousands of keys that this is meant
 * for.
 */
export class KeyIndex {
  readonly #states = new Map<string, KeyValue[]>()
  #names: string[] = []
  #bytes = 0
  #count = 0

  /** The size of all keys and values in all their states. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many states there are. */
  get count(): number {
    return this.#count
  }

  /** Returns the current state of a key; undefined when it does not exist. */
  latest(name: string): KeyValue | undefined {
    const kv = this.#states.get(name)?.at(-1)
    return kv && !isDeletion(kv) ? kv : undefined
  }

  /** Returns the states at `revision` of all keys in the range that existed then, in key order. */
  range(range: KeyRange, revision: bigint): KeyValue[] {
    const found: KeyValue[] = []
    for (let at = this.#lowerBound(range.from); at < this.#names.length; at++) {
      const name = this.#names[at]!
      if (range.to !== undefined && name >= range.to) break
      const kv = stateAt(this.#states.get(name)!, revision)
      if (kv && !isDeletion(kv)) found.push(kv)
    }
    return found
  }

  append(name: string, kv: KeyValue): void {
    this.#bytes += bytesOf(kv)
    this.#count++
    const states = this.#states.get(name)
    if (states) {
      states.push(kv)
      return
    }
    this.#states.set(name, [kv])
    // Keys are often added in order, and then this is a push.
    if (this.#names.length === 0 || this.#names.at(-1)! < name) this.#names.push(name)
    else this.#names.splice(this.#lowerBound(name), 0, name)
  }

  /** Returns each key with its oldest state. */
  *oldest(): Generator<readonly [name: string, kv: KeyValue]> {
    for (const name of this.#names) yield [name, this.#states.get(name)![0]!]
  }

  /** Drops the last state of a key. */
  dropLast(name: string): void {
    const states = this.#states.get(name)!
    this.#bytes -= bytesOf(states.pop()!)
    this.#count--
    if (states.length > 0) return
    this.#states.delete(name)
    this.#names.splice(this.#lowerBound(name), 1)
  }

  /** Drops the states of these keys that no read at `revision` or later needs. */
  compact(names: Iterable<string>, revision: bigint): void {
    let vanished = false
    for (const name of names) {
      const states = this.#states.get(name)
      if (!states) continue
      let keep = states.findLastIndex(kv => kv.modRevision <= revision)
      if (keep === -1) continue
      if (isDeletion(states[keep]!)) keep++
      for (const dropped of states.splice(0, keep)) this.#bytes -= bytesOf(dropped)
      this.#count -= keep
      if (states.length > 0) continue
      this.#states.delete(name)
      vanished = true
    }
    if (vanished) this.#names = this.#names.filter(name => this.#states.has(name))
  }

  /** Returns the position of the first name that is not less than `name`. */
  #lowerBound(name: string): number {
    let low = 0
    let high = this.#names.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#names[middle]! < name) low = middle + 1
      else high = middle
    }
    return low
  }
}

function bytesOf(kv: KeyValue): number {
  return kv.key.length + kv.value.length
}

function stateAt(states: readonly KeyValue[], revision: bigint): KeyValue | undefined {
  // Almost all reads are for the last state.
  for (let at = states.length - 1; at >= 0; at--) {
    if (states[at]!.modRevision <= revision) return states[at]
  }
  return undefined
}
