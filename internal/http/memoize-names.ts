/** Enough for the names that real clients and nodes send. Names that an attacker makes up must not fill the memory. */
const MAX_NAMES = 2_000
/** The longest name that is cached. */
const MAX_LENGTH = 100

/**
 * Wraps `classify` in a cache of its results by field name as spelled, since every message has the same few names. The
 * cache is bounded in number and length, because clients and nodes choose the names. Errors of `classify` are not cached.
 */
export function memoizeNames<T>(classify: (spelling: string) => T): (spelling: string) => T {
  const bySpelling = new Map<string, T>()
  return spelling => {
    const known = bySpelling.get(spelling)
    if (known !== undefined) return known
    const found = classify(spelling)
    if (bySpelling.size < MAX_NAMES && spelling.length <= MAX_LENGTH) bySpelling.set(spelling, found)
    return found
  }
}
