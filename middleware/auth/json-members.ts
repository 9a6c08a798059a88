const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * Whether an object in a JSON text names a member twice, at any depth. Readers differ on which of the two counts, so
 * that one token could say one thing to us and another to a node (RFC 8725 section 2.4, RFC 7515 section 4).
 *
 * Reads each character once.
 *
 * @param json text that JSON.parse accepts
 */
export function hasDuplicateMembers(json: string): boolean {
  /** The names of each object that is open, innermost last. */
  const open: Set<string>[] = []
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i)
    if (code === OPEN_BRACE) open.push(new Set())
    else if (code === CLOSE_BRACE) open.pop()
    else if (code === QUOTE) {
      const end = endOfString(json, i)
      let next = end
      while (json.charCodeAt(next) <= 0x20) next++
      // Outside of strings, a colon stands nowhere but after a name.
      if (json.charCodeAt(next) === COLON) {
        // Two spellings of one name, such as a and \u0061, are one name.
        const name = JSON.parse(json.slice(i, end)) as string
        const names = open.at(-1)!
        if (names.has(name)) return true
        names.add(name)
      }
      i = end - 1
    }
  }
  return false
}

/** The index after the closing quotation mark of the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1
  while (json.charCodeAt(i) !== QUOTE) i += json.charCodeAt(i) === BACKSLASH ? 2 : 1
  return i + 1
}
