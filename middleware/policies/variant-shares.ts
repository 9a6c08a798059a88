import { HASH_RANGE, hashText } from '../../internal/balancers/text-hash.ts'

/** Shares are counted in hundredths of a percent, so that their sums are exact. */
const WHOLE = 100 * 100

/**
 * Returns the position of a key, 0 to below 1. It is the same in every process. Keys that are near each other with one salt are
 * not with another.
 */
export function positionOf(salt: string, key: string): number {
  return hashText(`${salt}\0${key}`) / HASH_RANGE
}

/**
 * Gives each variant its range of positions. The first one's begins at 0 and grows upwards, the second one's begins at 1 and
 * grows downwards, further ones follow the first. So with one or two variants, a larger share moves positions only into its
 * variant, and a smaller one only out of it. With more, those behind the first move when it changes.
 *
 * @param percents the shares, in steps of 0.01; at most 100 together
 * @returns the function that returns the index of the variant at a position; -1 where none is
 */
export function compileShares(percents: readonly number[]): (position: number) => number {
  const [first = 0, second = 0, ...others] = percents.map(percent => Math.round(percent * 100))
  return position => {
    const at = position * WHOLE
    if (at < first) return 0
    if (at >= WHOLE - second) return 1
    let end = first
    for (let i = 0; i < others.length; i++) {
      end += others[i]!
      if (at < end) return i + 2
    }
    return -1
  }
}
