import { createRequire } from 'node:module'
import type * as Re2js from 're2js'
import { PatternTable, type Program } from './pattern-table.ts'

/** A regular expression of RE2 syntax that judges values. */
export interface Pattern {
  /** Returns whether it matches the whole value. That takes one look-up per character, whatever the pattern is. */
  matches(value: string): boolean
}

/** The longest text of a pattern. */
export const MAX_PATTERN_LENGTH = 256

/** Bounds what is compiled: the length of the text times its counts, as if they were nested. */
const MAX_WRITTEN_OUT = 5_000

const TOO_COMPLEX =
  'is too complex: give it smaller counts, or fewer ways in which a value can match it in part'

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
  const { RE2JS } = loadRe2js()
  let program: Program
  try {
    program = RE2JS.compile(text, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0).re2() as unknown as Program
  } catch (error) {
    const reason = (error as Error).message.replace(/^error parsing regexp: /, '')
    return { problem: `is not a regular expression of RE2 syntax: ${reason}` }
  }
  return PatternTable.make(program) ?? { problem: TOO_COMPLEX }
}

/** Loads the package with the first pattern. Most gateways have none. */
export const loadRe2js = (): typeof Re2js => createRequire(import.meta.url)('re2js')

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
