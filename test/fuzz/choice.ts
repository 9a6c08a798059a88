import { seededRandom } from '../support/random.ts'

/** Choices of a fuzzer: the same ones for the same seed. */
export class Choice {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end)
  }

  /** True this often, 0..1. */
  chance(ratio: number): boolean {
    return this.#random() < ratio
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!
  }

  /** Between `from` and `to` values that `make` makes, both included. */
  some<T>(from: number, to: number, make: () => T): T[] {
    return Array.from({ length: from + this.below(to - from + 1) }, make)
  }

  /** Any bytes at all, as latin1. */
  bytes(length: number): string {
    let text = ''
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.below(256))
    return text
  }
}
