import { seededRandom } from '../support/random.ts'

/** The random choices of a fuzzer, repeatable by their seed. */
export class Choice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** Returns a whole number from 0 to below `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end)
  }

  /** Returns true with this probability, 0..1. */
  chance(ratio: number): boolean {
    return this.#random() < ratio
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!
  }

  /** Returns `from` to `to` values, inclusive, that `make` makes. */
  some<T>(from: number, to: number, make: () => T): T[] {
    return Array.from({ length: from + this.below(to - from + 1) }, make)
  }

  /** Returns arbitrary bytes as latin1. */
  bytes(length: number): string {
    let text = ''
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.below(256))
    return text
  }
}
