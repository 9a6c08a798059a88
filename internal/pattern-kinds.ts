import type { Instruction, Program } from './pattern-program.ts'

/** Bounds what is compared to find which characters a pattern tells apart. */
const MAX_COMPARISONS = 40_000
const LAST_CODE_POINT = 0x10ffff

/** Which characters a pattern tells apart. Characters of one kind lead from any state to the same one. */
export interface Kinds {
  /** The code points, ascending, at which another class of characters begins. */
  readonly bounds: Int32Array
  /** The kind of each class. */
  readonly ofClass: Uint16Array
  /** A code point of each kind. */
  readonly examples: readonly number[]
}

/**
 * Finds which classes of characters a program tells apart: a Unicode category has hundreds of ranges, and means the same
 * for all of them.
 *
 * @returns undefined when there is too much to compare
 */
export function kindsOf(program: Program): Kinds | undefined {
  const { instructions } = program
  const readers = distinctReaders(instructions)
  if (readers.reduce((sum, { runes }) => sum + runes.length, 0) > MAX_COMPARISONS) return undefined
  const bounds = program.classBounds([...readers, ...instructions.filter(({ runes }) => runes.length === 0)])
  // A range up to the last code point ends where none is.
  const count = bounds.at(-1)! > LAST_CODE_POINT ? bounds.length : bounds.length + 1
  if (readers.length * count > MAX_COMPARISONS) return undefined
  const firsts = Array.from({ length: count }, (_, index) => (index === 0 ? 0 : bounds[index - 1]!))
  let ofClass: number[] = firsts.map(first => (first === NEWLINE ? 2 : isWord(first) ? 1 : 0))
  for (const reader of readers) {
    const number = numbering()
    ofClass = ofClass.map((kind, index) => number(kind * 2 + Number(reader.matchRune(firsts[index]!))))
  }
  const number = numbering()
  ofClass = ofClass.map(number)
  const examples: number[] = []
  for (const [index, kind] of ofClass.entries()) examples[kind] ??= firsts[index]!
  return { bounds, ofClass: Uint16Array.from(ofClass), examples }
}

/** Returns a function that numbers values in the order in which they come. */
function numbering(): (value: number) => number {
  const numbers = new Map<number, number>()
  return value => {
    let number = numbers.get(value)
    if (number === undefined) {
      number = numbers.size
      numbers.set(value, number)
    }
    return number
  }
}

export const NEWLINE = 10

/** Whether a code point is of a word, as `\b` means it. */
export function isWord(codePoint: number): boolean {
  return codePoint < 128 && /\w/.test(String.fromCharCode(codePoint))
}

/** Returns how many bounds are not above a code point. */
export function classOf(bounds: Int32Array, codePoint: number): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (bounds[middle]! <= codePoint) low = middle + 1
    else high = middle
  }
  return low
}

/** A part that is repeated has its list of characters once, and a character that is written often is one as well. */
function distinctReaders(instructions: readonly Instruction[]): Instruction[] {
  const reading = instructions.filter(({ runes }) => runes.length > 0)
  const keyOf = ({ runes, arg }: Instruction) => (runes.length === 1 ? `${runes[0]} ${arg}` : runes)
  return [...new Map(reading.map(each => [keyOf(each), each])).values()]
}
