/** Returns the candidate of which `word` is most likely a misspelling; undefined when none is close. */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.floor((word.length + 1) / 3) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Returns ` (did you mean "port"?)`, or an empty text when no candidate is close. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const guess = closest(word, candidates)
  return guess === undefined ? '' : ` (did you mean ${JSON.stringify(guess)}?)`
}

/** Levenshtein distance that counts two swapped letters as one mistake, as in `prot` for `port`. */
function editDistance(a: string, b: string): number {
  // Names are short, so a long word is not a misspelling of one.
  if (a.length > 64 || b.length > 64) return Number.POSITIVE_INFINITY
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= a.length; row += 1) {
    const above = rows[row - 1]!
    const current = [row]
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = above[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1)
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current.push(
        Math.min(
          replaced,
          above[column]! + 1,
          current[column - 1]! + 1,
          swapped ? rows[row - 2]![column - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
    rows.push(current)
  }
  return rows[a.length]![b.length]!
}
