/** The value of a field, and the rule that it breaks, whatever the name; '' = none. */
export interface CheckedValue {
  readonly text: string
  readonly brokenRule: string
}

interface KnownValue {
  /** As it was encoded. */
  readonly bytes: Buffer
  readonly isHuffman: boolean
  readonly value: CheckedValue
}

/** Shorter values are decoded as fast as they are compared. Longer ones would take too much memory. */
const SHORTEST = 100
const LONGEST = 4_096
/** How many are remembered, by their length. A power of 2. */
const PLACES = 4

/**
 * Remembers the long values that a connection received last. A token comes with every request and is in no table. Decoding
 * and checking it would take longer than all other fields of the request, so that is done once.
 */
export class KnownValues {
  readonly #values: (KnownValue | undefined)[] = new Array(PLACES)

  /** Returns the value that these encoded bytes were decoded to before; undefined when that is not known. */
  find(bytes: Buffer, from: number, to: number, isHuffman: boolean): CheckedValue | undefined {
    const known = this.#values[(to - from) & (PLACES - 1)]
    if (known === undefined || known.isHuffman !== isHuffman || known.bytes.length !== to - from)
      return undefined
    return known.bytes.compare(bytes, from, to) === 0 ? known.value : undefined
  }

  /** Remembers a value, if its encoded length makes that worthwhile. */
  add(bytes: Buffer, from: number, to: number, isHuffman: boolean, value: CheckedValue): void {
    const length = to - from
    if (length < SHORTEST || length > LONGEST) return
    this.#values[length & (PLACES - 1)] = { bytes: Buffer.from(bytes.subarray(from, to)), isHuffman, value }
  }
}
