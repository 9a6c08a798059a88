import { classOf, type Kinds, kindsOf } from './pattern-kinds.ts'
import type { Program } from './pattern-program.ts'
import { DEAD, makeStates, type States } from './pattern-states.ts'

const MAX_INSTRUCTIONS = 1_000

/**
 * A pattern with all of its states. re2js makes states while it reads a value, and some pairs of pattern and value need
 * a new one for every character, which takes a hundred times as long as a look-up. So the states are made beforehand,
 * and a pattern that has too many of them is refused.
 */
export class PatternTable {
  readonly #kinds: Kinds
  /** The kinds of the characters below 256. */
  readonly #latin1: Uint16Array
  readonly #next: Uint16Array
  readonly #width: number
  readonly #accepts: readonly boolean[]

  private constructor(kinds: Kinds, { next, accepts }: States) {
    this.#kinds = kinds
    this.#latin1 = Uint16Array.from({ length: 256 }, (_, code) => kindOf(kinds, code))
    this.#next = next
    this.#width = kinds.examples.length
    this.#accepts = accepts
  }

  /** Returns undefined when the table would be too large. */
  static make(program: Program): PatternTable | undefined {
    if (program.instructions.length > MAX_INSTRUCTIONS) return undefined
    const kinds = kindsOf(program)
    const states = kinds && makeStates(program, kinds)
    return states && new PatternTable(kinds, states)
  }

  /** Returns whether the pattern matches the whole value. */
  matches(value: string): boolean {
    const next = this.#next
    const latin1 = this.#latin1
    const width = this.#width
    let state = 0
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at)
      let kind: number
      if (code < 256) kind = latin1[code]!
      else {
        const codePoint = value.codePointAt(at)!
        if (codePoint > 0xffff) at++
        kind = kindOf(this.#kinds, codePoint)
      }
      state = next[state * width + kind]!
      if (state === DEAD) return false
    }
    return this.#accepts[state]!
  }
}

function kindOf({ bounds, ofClass }: Kinds, codePoint: number): number {
  return ofClass[classOf(bounds, codePoint)]!
}
