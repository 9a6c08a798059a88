import { RE2JS } from 're2js'
import { compilePattern, findPatternProblem } from '../../internal/pattern.ts'
import { Choice } from './choice.ts'

export interface PatternFuzz {
  /** Patterns read. */
  readonly count: number
  readonly accepted: number
  readonly tooComplex: number
  /** The longest that reading a pattern, and judging a value of 16 KiB, took, milliseconds of CPU. */
  readonly slowestRead: number
  readonly slowestValue: number
  /** What went wrong, and the pattern that shows it. */
  readonly findings: ReadonlyMap<string, string>
}

const VALUE_BYTES = 16_384
/** A request must not wait longer for a pattern. */
const MAX_VALUE_MS = 5
/** A pattern that is refused when the most steps have been taken, which takes about 4 ms of an idle processor. */
const YARDSTICK = '(0|1)*1(0|1){12}'
/**
 * Documents are read one after the other, so a pattern is a pause for the requests in between. The longest is this many times
 * what the yardstick takes at the same time, as machines differ.
 */
const MAX_YARDSTICKS = 6
/** Less than that is not looked at again, milliseconds of CPU. */
const SUSPECT_READ_MS = 10

/**
 * Makes random patterns. Whatever a pattern is, it is read in bounded time, it judges a value of 16 KiB within 5 ms, and it
 * judges short values as its engine does.
 *
 * @param isOver is called before each pattern with the number of patterns read
 */
export function fuzzPatterns(seed: number, isOver: (count: number) => boolean): PatternFuzz {
  const choice = new Choice(seed)
  const findings = new Map<string, string>()
  let [count, accepted, tooComplex, slowestRead, slowestValue] = [0, 0, 0, 0, 0]
  for (; !isOver(count); count++) {
    const text = makePattern(choice, 5)
    const ignoreCase = choice.chance(0.3)
    const began = cpuMs()
    const problem = findPatternProblem(text, ignoreCase)
    const readMs = cpuMs() - began
    // What is compiled for the first time takes longer.
    if (count > 200 && readMs > slowestRead) {
      const { least, yardstick } = readAgain(text, ignoreCase, readMs)
      slowestRead = Math.max(slowestRead, least)
      if (least > Math.max(SUSPECT_READ_MS, MAX_YARDSTICKS * yardstick))
        findings.set('a pattern is read too slowly', text)
    }
    if (problem !== undefined) {
      if (problem.includes('too complex')) tooComplex++
      continue
    }
    accepted++
    const pattern = compilePattern(text, ignoreCase)
    for (const value of [longValue(choice, text), longValue(choice, text)]) {
      const ms = Math.min(...Array.from({ length: 4 }, () => timeOf(() => pattern.matches(value))))
      slowestValue = Math.max(slowestValue, ms)
      if (ms > MAX_VALUE_MS) findings.set('a value of 16 KiB is judged too slowly', text)
    }
    const engine = RE2JS.compile(text, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
    for (const value of choice.some(1, 6, () => choice.some(0, 6, () => choice.of(CHARACTERS)).join(''))) {
      if (pattern.matches(value) !== engine.testExact(value))
        findings.set('a pattern differs from its engine', `${text} ${JSON.stringify(value)}`)
    }
  }
  return { count, accepted, tooComplex, slowestRead, slowestValue, findings }
}

/** Reads a pattern again, in other words because patterns are remembered, in turn with the yardstick. Returns the shortest times. */
function readAgain(text: string, ignoreCase: boolean, readMs: number) {
  let [least, yardstick] = [readMs, Number.POSITIVE_INFINITY]
  for (let round = 1; round <= 5; round++) {
    const before = '(?:)'.repeat(round)
    least = Math.min(
      least,
      timeOf(() => findPatternProblem(before + text, ignoreCase)),
    )
    const other = `${before}${YARDSTICK}${readings++}`
    yardstick = Math.min(
      yardstick,
      timeOf(() => findPatternProblem(other)),
    )
  }
  return { least, yardstick }
}

let readings = 0

function timeOf(run: () => void): number {
  const began = cpuMs()
  run()
  return cpuMs() - began
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

const ATOMS = [
  ...[
    'a',
    'b',
    '0',
    '1',
    'x',
    ' ',
    'é',
    '.',
    '\\d',
    '\\w',
    '\\s',
    '\\W',
    '\\b',
    '\\B',
    '^',
    '$',
    '\\.',
    '\\)',
    '\\{',
  ],
  ...[
    '[a-c]',
    '[^a]',
    '[0-9a-f]',
    '[[:alpha:]]',
    '[)]',
    '[{]',
    '[(?:]',
    '\\pL',
    '\\PN',
    '\\p{Greek}',
    '\\x{1f600}',
    '[b-\\x{ffff}]',
    '[^b-\\x{1e942}]',
    '[一-龥]',
    '[\\pL\\pN]',
    '\\Qa(\\E',
  ],
  ...['(?i)', '(?s:.)', '(?m:^)', '(?U)', '', '(?=a)', '\\1', '[', ')', '{2}', '*'],
]
const CHARACTERS = [
  'a',
  'b',
  'c',
  '0',
  '1',
  'x',
  ' ',
  '\n',
  'é',
  'K',
  '\u212a',
  '_',
  '(',
  '{',
  '\u{1f600}',
  '\ud83d',
]
const REPEATS = ['*', '+', '?', '*?', '{2}', '{1,3}', '{0,40}', '{3,}', '{100}', '{1000}', '{1,200}']

function makePattern(choice: Choice, depth: number): string {
  if (depth === 0 || choice.chance(0.2)) return choice.of(ATOMS)
  const inner = () => makePattern(choice, depth - 1)
  const kind = choice.below(4)
  if (kind === 0) return choice.some(2, 4, inner).join('')
  if (kind === 1) return `(${choice.some(2, 4, inner).join('|')})`
  if (kind === 2) return `(?:${inner()})${choice.of(REPEATS)}`
  return inner() + choice.of(REPEATS)
}

/** Returns a value that is likely to take long: what the pattern says, or parts of it, again and again. */
function longValue(choice: Choice, text: string): string {
  const parts = choice.some(1, 4, () =>
    choice.chance(0.3) ? text.slice(choice.below(text.length)) : choice.of(CHARACTERS),
  )
  const part = parts.join('') || 'a'
  if (choice.chance(0.5))
    return part.repeat(Math.ceil(VALUE_BYTES / part.length)).slice(0, VALUE_BYTES - 1) + choice.of(CHARACTERS)
  return Array.from({ length: VALUE_BYTES }, () => choice.of(parts) || 'a')
    .join('')
    .slice(0, VALUE_BYTES)
}
