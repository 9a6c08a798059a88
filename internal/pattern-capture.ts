import { compilePattern } from './pattern.ts'
import { loadRe2js, NOTHING_OR } from './pattern-program.ts'

/** A pattern whose groups say what they have matched. */
export interface CapturingPattern {
  /** How many groups it has. */
  readonly groups: number
  /**
   * Returns what the whole pattern and each of its groups have matched; undefined when it does not match the whole value.
   * That takes time in proportion to the length of the value.
   */
  capture(value: string): readonly (string | undefined)[] | undefined
}

/** @throws TypeError when `findPatternProblem` finds something */
export function compileCapture(text: string): CapturingPattern {
  const pattern = compilePattern(text)
  const compiled = loadRe2js().RE2JS.compile(NOTHING_OR + text)
  const groups = compiled.groupCount()
  return {
    groups,
    capture(value) {
      // The table tells in less time that a value does not match.
      if (!pattern.matches(value)) return undefined
      const matcher = compiled.matcher(value)
      if (!matcher.matches()) return undefined
      return Array.from({ length: groups + 1 }, (_, index) => matcher.group(index) ?? undefined)
    },
  }
}
