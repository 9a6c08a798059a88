const MAX_INSTRUCTIONS = 1_000
/** Bounds what is compared to find which characters a pattern tells apart. */
const MAX_COMPARISONS = 40_000
/** Bounds the size of a table: states times kinds of characters. */
const MAX_CELLS = 16_384
/** Bounds the making of a table: the instructions that are looked at for all cells. */
const MAX_WORK = 150_000

/** What is used of the object that re2js compiles a text to. */
export interface Program {
  readonly prog: { readonly start: number; readonly inst: readonly Instruction[] }
  readonly dfa: Automaton
}

interface Instruction {
  /** The code points that it reads, as a list of ranges or a single one; none for one that reads nothing. */
  readonly runes: ArrayLike<number>
  matchRune(codePoint: number): boolean
}

/** The states of re2js, which it makes as they are reached, up to 8 MB of them. Equal states are the same object. */
interface Automaton {
  /** The code points, ascending, at which another class of characters begins. */
  readonly classBounds: Int32Array
  readonly numClasses: number
  makeState(instructions: readonly number[], context: number, ids: readonly number[]): State | null
  step(state: State, characterClass: number, codePoint: number, anchor: number): State | null
}

interface State {
  readonly isMatch: boolean
  /** None when nothing can match any more. */
  readonly nfaStates: readonly number[]
}

/** The values that re2js has for these. */
const START_OF_TEXT = 0b101
const ANCHOR_BOTH = 2
const END_OF_TEXT = -1

const DEAD = 0xffff

/**
 * A pattern with all of its states. re2js makes states while it reads a value, and some pairs of pattern and value need
 * a new one for every character, which takes a hundred times as long as a look-up. So the states are made beforehand,
 * and a pattern that has too many of them is refused.
 */
export class PatternTable {
  /** The code points, ascending, at which another class of characters begins. */
  readonly #bounds: Int32Array
  /** The kind of each class. Characters of one kind lead from any state to the same one. */
  readonly #kinds: Uint16Array
  /** The kinds of the characters below 256. */
  readonly #latin1: Uint16Array
  /** By state, then by kind: the next state. */
  readonly #next: Uint16Array
  readonly #width: number
  /** Whether a value may end in a state. */
  readonly #accepts: readonly boolean[]

  private constructor(
    bounds: Int32Array,
    kinds: Uint16Array,
    width: number,
    next: Uint16Array,
    accepts: readonly boolean[],
  ) {
    this.#bounds = bounds
    this.#kinds = kinds
    this.#width = width
    this.#next = next
    this.#accepts = accepts
    this.#latin1 = Uint16Array.from({ length: 256 }, (_, code) => kinds[classOf(bounds, code)]!)
  }

  /** Returns undefined when the table would be too large. */
  static make({ prog, dfa }: Program): PatternTable | undefined {
    const kindsFound = prog.inst.length > MAX_INSTRUCTIONS ? undefined : kindsOf(prog.inst, dfa)
    if (!kindsFound) return undefined
    const { kinds, examples } = kindsFound
    const width = examples.length
    const first = dfa.makeState([prog.start], START_OF_TEXT, [])
    if (first === null) return undefined
    const states = [first]
    const numbers = new Map([[first, 0]])
    const next: number[] = []
    let work = 0
    for (const state of states) {
      for (const codePoint of examples) {
        work += state.nfaStates.length
        if (next.length >= MAX_CELLS || work > MAX_WORK) return undefined
        const reached = dfa.step(state, classOf(dfa.classBounds, codePoint), codePoint, ANCHOR_BOTH)
        if (reached === null) return undefined
        let number = reached.nfaStates.length === 0 ? DEAD : numbers.get(reached)
        if (number === undefined) {
          number = states.push(reached) - 1
          numbers.set(reached, number)
        }
        next.push(number)
      }
    }
    const accepts: boolean[] = []
    for (const state of states) {
      const end = dfa.step(state, dfa.numClasses, END_OF_TEXT, ANCHOR_BOTH)
      if (end === null) return undefined
      accepts.push(end.isMatch)
    }
    return new PatternTable(dfa.classBounds, kinds, width, Uint16Array.from(next), accepts)
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
        kind = this.#kinds[classOf(this.#bounds, codePoint)]!
      }
      state = next[state * width + kind]!
      if (state === DEAD) return false
    }
    return this.#accepts[state]!
  }
}

/**
 * Finds which classes of characters a program tells apart: a Unicode category has hundreds of ranges, and means the same
 * for all of them.
 *
 * @returns the kind of each class, and an example of each kind; undefined when there is too much to compare
 */
function kindsOf(instructions: readonly Instruction[], { classBounds, numClasses }: Automaton) {
  const reading = instructions.filter(({ runes }) => runes.length > 0)
  // A part that is repeated has its list of characters once.
  const readers = [...new Map(reading.map(each => [each.runes, each])).values()]
  if (readers.length * numClasses > MAX_COMPARISONS) return undefined
  const kinds = new Uint16Array(numClasses)
  const examples: number[] = []
  const numbers = new Map<string, number>()
  for (let index = 0; index < numClasses; index++) {
    const example = index === 0 ? 0 : classBounds[index - 1]!
    // A range up to the last code point ends where none is.
    if (example > LAST_CODE_POINT) break
    const isWord = /\w/.test(String.fromCodePoint(example))
    const answers = readers.map(reader => (reader.matchRune(example) ? '1' : '0')).join('')
    const key = `${answers} ${isWord} ${example === 10}`
    let number = numbers.get(key)
    if (number === undefined) {
      number = examples.push(example) - 1
      numbers.set(key, number)
    }
    kinds[index] = number
  }
  return { kinds, examples }
}

const LAST_CODE_POINT = 0x10ffff

/** Returns how many bounds are not above a code point. */
function classOf(bounds: Int32Array, codePoint: number): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (bounds[middle]! <= codePoint) low = middle + 1
    else high = middle
  }
  return low
}
