const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Far more levels than any document has. Validation is recursive, and each level costs it some frames of the stack. */
export const MAX_DEPTH = 100

/** An object of a JSON document has two members of one name. */
export class DuplicateMemberError extends TypeError {
  readonly member: string
  /** The document with the last member of that name, as most readers understand it. */
  readonly value: unknown

  constructor(member: string, value: unknown) {
    super(
      `has two members named ${JSON.stringify(member.length > 60 ? `${member.slice(0, 57)}...` : member)}`,
    )
    this.member = member
    this.value = value
  }
}

/**
 * Parses a JSON document (RFC 8259) and refuses what other readers could understand differently, or could not take: a
 * member that occurs twice in an object, and nesting of more than 100 levels.
 *
 * @throws TypeError whose message continues the name of the document: `is not valid JSON`; a DuplicateMemberError when that
 *   is all that is wrong
 */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new TypeError('is not valid JSON', { cause: error })
  }
  if (isTooDeep(value)) throw new TypeError(TOO_DEEP)
  const name = findDuplicateMember(text)
  if (name !== undefined) throw new DuplicateMemberError(name, value)
  return value
}

/** What {@link isTooDeep} finds, for people. */
export const TOO_DEEP = `is nested more than ${MAX_DEPTH} levels deep`

/** Reports whether a value has more than 100 levels of objects and arrays. */
export function isTooDeep(value: unknown, levels = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some(inner => isTooDeep(inner, levels - 1))
}

/**
 * Returns the name of a member that occurs twice in an object of a JSON text, at any depth; undefined when there is none.
 * Parsers disagree on which of the two counts, so one token could mean one thing here and another at a node (RFC 8725
 * section 2.4, RFC 7515 section 4). Reads each character once.
 *
 * @param json text that JSON.parse accepts
 */
export function findDuplicateMember(json: string): string | undefined {
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
        const written = json.slice(i + 1, end - 1)
        // Two spellings of a name, such as a and \u0061, are the same name.
        const name = written.includes('\\') ? (JSON.parse(json.slice(i, end)) as string) : written
        const names = open.at(-1)!
        if (names.has(name)) return name
        names.add(name)
      }
      i = end - 1
    }
  }
  return undefined
}

/** The index after the closing quotation mark of the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1
  while (json.charCodeAt(i) !== QUOTE) i += json.charCodeAt(i) === BACKSLASH ? 2 : 1
  return i + 1
}
