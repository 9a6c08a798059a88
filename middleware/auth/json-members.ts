const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * Reports whether an object in a JSON text has two members of the same name, at any depth. Parsers disagree on which of
 * the two counts, so one token could mean one thing here and another at a node (RFC 8725 section 2.4, RFC 7515
 * section 4). Reads each character once.
 *
 * @param json text that JSON.parse accepts
 */
export function hasDuplicateMembers(json: string): boolean {
  /** The member names of each open object, innermost last. */
  const open: Set<string>[] = []
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i)
    if (code === OPEN_BRACE) open.push(new Set())
    else if (code === CLOSE_BRACE) open.pop()
    else if (code === QUOTE) {
      const end = endOfString(json, i)
      let next = end
      while (json.charCodeAt(next) <= 0x20) next++
      // Outside of strings, a colon only follows a name.
      if (json.charCodeAt(next) === COLON) {
        // Two spellings of a name, such as a and \u0061, are the same name.
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
