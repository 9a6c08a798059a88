import { isWord, type Kinds, NEWLINE } from './pattern-kinds.ts'
import type { Instruction, Program } from './pattern-program.ts'

/** Bounds the making of states. An instruction that is followed is one step, and takes about 50 ns. */
const MAX_STEPS = 60_000
/** What a place in the table costs, and each instruction that is asked whether it reads the character. */
const [STEPS_PER_CELL, STEPS_PER_READER] = [8, 0.25]
/** Bounds the size of a table: states times kinds of characters. */
const MAX_CELLS = 8_192

/** A state that is not left, and in which no value may end. */
export const DEAD = 0xffff

/** All states of a pattern. The first is number 0. */
export interface States {
  /** By state, then by kind: the next state. */
  readonly next: Uint16Array
  /** Whether a value may end in a state. */
  readonly accepts: readonly boolean[]
}

/** The values that re2js has for operations. All above are for instructions that read a character. */
const [ALT, ALT_MATCH, CAPTURE, EMPTY_WIDTH, FAIL, MATCH, NOP] = [1, 2, 3, 4, 5, 6, 7]
/** The values that re2js has for what an empty width may ask for. */
const [BEGIN_LINE, END_LINE, BEGIN_TEXT, END_TEXT, BOUNDARY, NO_BOUNDARY] = [1, 2, 4, 8, 16, 32]

/** What is on one side of a place between characters: nothing, or the last or next character. */
type Side = 'edge' | 'newline' | 'word' | 'other'
const SIDES: readonly Side[] = ['edge', 'newline', 'word', 'other']

/** A set of instructions that a value may have led to. */
interface State {
  /** What reads a character, accepts, or asks what is around it; ascending. */
  readonly at: Uint16Array
  /** What is before this place; 'other' where nothing asks for it. */
  readonly before: Side
  readonly asks: boolean
}

/**
 * Makes all states of a program: the sets of instructions that some value leads to (the subset construction).
 *
 * @returns undefined when that takes too many steps, or when there are too many states
 */
export function makeStates({ start, instructions }: Program, { examples }: Kinds): States | undefined {
  const closure = new Closure(instructions)
  const states: State[] = []
  const numbers = new Map<string, number>()
  /** The states by what led to them: most characters lead to the same few. */
  const known = new Map<string, number>()
  const sides = examples.map(sideOf)
  const reads = new Map<ArrayLike<number>, readonly boolean[]>()

  function numberOf(from: readonly number[], before: Side): number {
    const key = keyOf(from, before)
    let number = known.get(key)
    if (number === undefined) {
      number = from.length === 0 ? DEAD : stateOf(from, before)
      known.set(key, number)
    }
    return number
  }

  function stateOf(from: readonly number[], before: Side): number {
    const { at, asks } = closure.of(from, 0)
    if (at.length === 0 && states.length > 0) return DEAD
    const state: State = { at, asks, before: asks ? before : 'other' }
    const key = keyOf(at, state.before)
    let number = numbers.get(key)
    if (number === undefined) {
      number = states.push(state) - 1
      numbers.set(key, number)
    }
    return number
  }

  /** Returns the instructions that a state has come to when `after` is next. */
  const seenFrom = ({ at, asks, before }: State, after: Side) =>
    asks ? closure.of(at, around(before, after)).at : at

  function readsOf(instruction: Instruction): readonly boolean[] {
    const { runes } = instruction
    let list = reads.get(runes)
    if (list === undefined) {
      list = examples.map(each => instruction.matchRune(each))
      reads.set(runes, list)
    }
    return list
  }

  numberOf([start], 'edge')
  const next: number[] = []
  const accepts: boolean[] = []
  for (const state of states) {
    const width = examples.length
    const first = next.length
    if (first + width > MAX_CELLS) return undefined
    accepts.push(seenFrom(state, 'edge').some(at => instructions[at]!.op === MATCH))
    const bySide = new Map<Side, readonly Instruction[]>()
    for (let kind = 0; kind < width; kind++) {
      const side = state.asks ? sides[kind]! : 'other'
      let readers = bySide.get(side)
      if (readers === undefined) {
        readers = Array.from(seenFrom(state, side), at => instructions[at]!).filter(({ op }) => op > NOP)
        bySide.set(side, readers)
      }
      const reached: number[] = []
      for (const reader of readers) if (readsOf(reader)[kind]) reached.push(reader.out)
      closure.steps += STEPS_PER_CELL + readers.length * STEPS_PER_READER
      next.push(numberOf(reached, sides[kind]!))
      if (closure.steps > MAX_STEPS) return undefined
    }
  }
  return { next: Uint16Array.from(next), accepts }
}

/** Follows instructions that read nothing. */
class Closure {
  /** How many instructions have been looked at. */
  steps = 0
  readonly #instructions: readonly Instruction[]
  /** The round in which each instruction was reached last. */
  readonly #rounds: Uint32Array
  #round = 0

  constructor(instructions: readonly Instruction[]) {
    this.#instructions = instructions
    this.#rounds = new Uint32Array(instructions.length)
  }

  /**
   * @param holds what holds around this place, as bits of an empty width
   * @returns the instructions that read or accept, and those that ask what is around the place; ascending
   */
  of(from: Iterable<number>, holds: number): { readonly at: Uint16Array; readonly asks: boolean } {
    const round = ++this.#round
    const found: number[] = []
    const stack = [...from]
    let asks = false
    while (stack.length > 0) {
      const number = stack.pop()!
      if (this.#rounds[number] === round) continue
      this.#rounds[number] = round
      this.steps++
      const { op, out, arg } = this.#instructions[number]!
      if (op === ALT || op === ALT_MATCH) stack.push(arg, out)
      else if (op === CAPTURE || op === NOP) stack.push(out)
      else if (op !== FAIL) found.push(number)
      if (op === EMPTY_WIDTH) {
        asks = true
        if ((arg & ~holds) === 0) stack.push(out)
      }
    }
    return { at: Uint16Array.from(found).sort(), asks }
  }
}

const keyOf = (instructions: Iterable<number>, before: Side) =>
  String.fromCharCode(SIDES.indexOf(before), ...instructions)

function sideOf(codePoint: number): Side {
  return codePoint === NEWLINE ? 'newline' : isWord(codePoint) ? 'word' : 'other'
}

/** Returns what holds at a place, as bits of an empty width. */
function around(before: Side, after: Side): number {
  let holds = (before === 'word') === (after === 'word') ? NO_BOUNDARY! : BOUNDARY!
  if (before === 'edge') holds |= BEGIN_TEXT! | BEGIN_LINE!
  if (before === 'newline') holds |= BEGIN_LINE!
  if (after === 'edge') holds |= END_TEXT! | END_LINE!
  if (after === 'newline') holds |= END_LINE!
  return holds
}
