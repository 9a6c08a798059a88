import type { Finding } from '../kit/problem.ts'

/** Returns a share in hundredths of a percent, the smallest steps that it may have. */
export function hundredths(percent: number): number {
  return Math.round(percent * 100)
}

/** Finds whether a share has finer steps than it may have. Accepts any value. */
export function* findPercentProblems(percent: unknown): Generator<Finding> {
  if (typeof percent === 'number' && Math.abs(percent * 100 - hundredths(percent)) > 1e-6)
    yield { path: [], message: `must be in steps of 0.01, not ${percent}` }
}
