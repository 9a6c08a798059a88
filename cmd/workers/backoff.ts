const FIRST_MS = 100
const LONGEST_MS = 10_000

/**
 * How long to wait before the next try, in milliseconds: from 100, doubled with each failure, to 10,000, and of
 * that between half and all, so that those which failed together do not try together.
 *
 * @param failures before this one
 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures)
  return Math.round(longest * (0.5 + random() / 2))
}
