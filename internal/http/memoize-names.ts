/** Enough for what a service's own programs send; the others' choice must not fill the memory. */
const MAX_KNOWN = 2_000

/**
 * Remembers what `classify` said of a field name, by its spelling, since the same few come with every message. Bounded,
 * since clients and nodes choose them; what `classify` throws is not remembered.
 */
export function rememberSpellings<T>(classify: (spelling: string) => T): (spelling: string) => T {
  const bySpelling = new Map<string, T>()
  return spelling => {
    const known = bySpelling.get(spelling)
    if (known !== undefined) return known
    const found = classify(spelling)
    if (bySpelling.size < MAX_KNOWN) bySpelling.set(spelling, found)
    return found
  }
}
