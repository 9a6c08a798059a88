import { createRequire } from 'node:module'
import type * as Re2js from 're2js'

/** One step of a program. It reads a character, or goes on without one. */
export interface Instruction {
  readonly op: number
  /** The number of the next instruction. */
  readonly out: number
  /** The other next instruction, what must be around an empty width, or flags of a character. */
  readonly arg: number
  /** The code points that it reads, as a list of ranges or a single one; none for one that reads nothing. */
  readonly runes: ArrayLike<number>
  matchRune(codePoint: number): boolean
}

/** What re2js compiles a text to. */
export interface Program {
  readonly start: number
  readonly instructions: readonly Instruction[]
  /** Returns the code points, ascending, at which another class of characters begins for one of some instructions. */
  classBounds(instructions: readonly Instruction[]): Int32Array
}

/** What is used of the object that re2js makes. */
interface Compiled {
  readonly prog: { readonly start: number; inst: readonly Instruction[] }
  /** It is made when it is read. */
  readonly dfa: { readonly classBounds: Int32Array }
}

/**
 * Goes before a pattern, and makes it one of two alternatives, the first of which matches nothing. Where a pattern begins with
 * `^`, re2js looks for a form of it that can be matched in one pass. That takes long where lists of characters are repeated, and
 * gains nothing here.
 */
export const NOTHING_OR = '\\b\\B|'

/** @throws Error when the text is not of RE2 syntax */
export function compileProgram(text: string, ignoreCase: boolean): Program {
  const { RE2JS } = loadRe2js()
  const flags = ignoreCase ? RE2JS.CASE_INSENSITIVE : 0
  const compiled = RE2JS.compile(NOTHING_OR + text, flags).re2() as unknown as Compiled
  const { prog } = compiled
  return {
    start: prog.start,
    instructions: prog.inst,
    classBounds(instructions) {
      // re2js goes through all ranges of all instructions. Nothing else is asked of the object.
      prog.inst = instructions
      return compiled.dfa.classBounds
    },
  }
}

/** Loads the package with the first pattern. Most gateways have none. */
export const loadRe2js = (): typeof Re2js => createRequire(import.meta.url)('re2js')
