const BYTES = 128 * 1024
const BITS = BYTES * 8
const PROBES = 4

/**
 * A set of names that has a fixed size and loses none (a Bloom filter). It takes a few others for members: with 10,000 names
 * two of a million, with 100,000 names one of a hundred.
 */
export class NameFilter {
  readonly #bits = Buffer.alloc(BYTES)

  /**
   * @param texts what other filters have returned as `text`; their names become members
   * @throws TypeError when one of them is anything else
   */
  constructor(texts: Iterable<string> = []) {
    for (const text of texts) {
      const bits = Buffer.from(text, 'base64')
      if (bits.length !== BYTES) throw new TypeError('it is not a set of names')
      for (let i = 0; i < BYTES; i++) this.#bits[i]! |= bits[i]!
    }
  }

  /** All of it, in base64. */
  get text(): string {
    return this.#bits.toString('base64')
  }

  add(name: string): void {
    const [first, step] = hashesOf(name)
    for (let i = 0; i < PROBES; i++) {
      const bit = (first + i * step) % BITS
      this.#bits[bit >> 3]! |= 1 << (bit & 7)
    }
  }

  has(name: string): boolean {
    const [first, step] = hashesOf(name)
    for (let i = 0; i < PROBES; i++) {
      const bit = (first + i * step) % BITS
      if ((this.#bits[bit >> 3]! & (1 << (bit & 7))) === 0) return false
    }
    return true
  }
}

/** FNV-1a with two start values, whose last bits are mixed. They are written to files, so they must never change. */
function hashesOf(name: string): readonly [number, number] {
  let [a, b] = [0x811c9dc5, 0x9747b28c]
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x01000193)
    b = Math.imul(b ^ unit, 0x01000193)
  }
  return [mixed(a), mixed(b) | 1]
}

function mixed(hash: number): number {
  const half = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return ((half ^ (half >>> 13)) >>> 0) & 0x7fffffff
}
