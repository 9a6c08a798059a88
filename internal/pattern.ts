import { compileProgram, type Program } from './pattern-program.ts'
import { PatternTable } from './pattern-table.ts'

/** A regular expression of RE2 syntax that judges values. */
export interface Pattern {
  /** Returns whether it matches the whole value. That takes one look-up per character, whatever the pattern is. */
  matches(value: string): boolean
}

/** The longest text of a pattern. */
export const MAX_PATTERN_LENGTH = 256

/** Bounds what is compiled: the length of the text times its counts, as if they were nested. */
const MAX_WRITTEN_OUT = 5_000
/** A Unicode class has up to 700 ranges. */
const MAX_UNICODE_CLASSES = 16
/** Bounds the characters of ranges whose other cases are looked up, which is done one by one. */
const MAX_FOLDED = 25_000

const TOO_COMPLEX =
  'is too complex: give it smaller counts, or fewer ways in which a value can match it in part'

const TOO_WIDE =
  'is too complex: it reads upper and lower case alike, and has ranges of too many characters for that; use smaller ranges, or a Unicode class such as \\pL'

/** Patterns by flags and text. Documents are read again with every listing of their registry. */
const known = new Map<string, Pattern | { readonly problem: string }>()
const MAX_KNOWN = 2_000

/** Returns what is wrong with a pattern; undefined when nothing is. */
export function findPatternProblem(text: string, ignoreCase = false): string | undefined {
  const pattern = read(text, ignoreCase)
  return 'problem' in pattern ? pattern.problem : undefined
}

/**
 * Compiles a pattern of RE2 syntax, which has no look-around and no back-references.
 *
 * @throws TypeError when {@link findPatternProblem} finds something
 */
export function compilePattern(text: string, ignoreCase = false): Pattern {
  const pattern = read(text, ignoreCase)
  if ('problem' in pattern) throw new TypeError(`the pattern ${JSON.stringify(text)} ${pattern.problem}`)
  return pattern
}

function read(text: string, ignoreCase: boolean) {
  const key = `${ignoreCase ? 'i' : ''}/${text}`
  let pattern = known.get(key)
  if (!pattern) {
    pattern = compile(text, ignoreCase)
    if (known.size >= MAX_KNOWN) known.delete(known.keys().next().value!)
    known.set(key, pattern)
  }
  return pattern
}

function compile(text: string, ignoreCase: boolean): Pattern | { readonly problem: string } {
  if (text.length > MAX_PATTERN_LENGTH)
    return { problem: `must have at most ${MAX_PATTERN_LENGTH} characters` }
  if (writtenOut(text) > MAX_WRITTEN_OUT) return { problem: TOO_COMPLEX }
  if ((text.match(/\\p/gi)?.length ?? 0) > MAX_UNICODE_CLASSES)
    return {
      problem: `is too complex: it may have at most ${MAX_UNICODE_CLASSES} Unicode classes, such as \\pL`,
    }
  if ((ignoreCase || /\(\?[a-zA-Z]*i/.test(text)) && foldedIn(text) > MAX_FOLDED) return { problem: TOO_WIDE }
  let program: Program
  try {
    program = compileProgram(text, ignoreCase)
  } catch (error) {
    const reason = (error as Error).message.replace(/^error parsing regexp: /, '')
    return { problem: `is not a regular expression of RE2 syntax: ${reason}` }
  }
  return PatternTable.make(program) ?? { problem: TOO_COMPLEX }
}

/** Returns a bound for the length of a text whose counted repeats are written out. */
function writtenOut(text: string): number {
  let size = text.length
  let largest = 1
  // Only what ends with a parenthesis has other repeats in it.
  for (const [, last, least, most] of text.matchAll(/(.)\{(\d+)(?:,(\d*))?\}/gs)) {
    const count = Math.max(1, Number(least), Number(most ?? 0))
    if (last === ')') size *= count
    else largest = Math.max(largest, count)
  }
  return size * largest
}

/** The code points of which some have another case. A range from the first to the last needs no look-ups. */
const [FIRST_FOLDED, LAST_FOLDED] = [0x41, 0x1e943]

/** Returns how many characters the ranges of a text have that may have another case. */
function foldedIn(text: string): number {
  let count = 0
  // A range outside of brackets is none; to take it for one does no harm.
  for (const [, from, to] of text.matchAll(/(\\x\{.*?\}|\\?.)-(?=(\\x\{.*?\}|\\?.))/gsu)) {
    const first = Math.max(codePointOf(from!), FIRST_FOLDED)
    const last = Math.min(codePointOf(to!), LAST_FOLDED)
    if (first > FIRST_FOLDED || last < LAST_FOLDED) count += Math.max(0, last - first)
  }
  return count
}

function codePointOf(written: string): number {
  const code = /^\\x\{([0-9a-f]+)\}$/i.exec(written)?.[1]
  return code === undefined
    ? written.codePointAt(written.startsWith('\\') ? 1 : 0)!
    : Number.parseInt(code, 16)
}
