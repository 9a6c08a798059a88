import { pathOf } from '../http/target.ts'

const SLASH = 47
const ASTERISK = 42

/**
 * Returns a path as the router compares it: each escape is the character with the number of its byte, so that `/a%40b`
 * equals `/a@b` and bytes that are not UTF-8 have a form as well. What separates paths, or means something to the router,
 * becomes a character of its own.
 */
export function comparable(path: string): string {
  return path.includes('%') || path.includes('*') ? path.replace(ESCAPE_OR_ASTERISK, toCharacter) : path
}

const ESCAPE_OR_ASTERISK = /%([0-9a-f]{2})|\*/gi
/** The bytes of `# % * / ?`. */
const SEPARATING = new Set([0x23, 0x25, 0x2a, 0x2f, 0x3f])
/** The start of an area that Unicode assigns to nothing. No byte reaches it, and it has no upper or lower case. */
const PRIVATE_USE = 0xe000

function toCharacter(_found: string, digits: string | undefined): string {
  const byte = digits === undefined ? ASTERISK : Number.parseInt(digits, 16)
  return String.fromCharCode(SEPARATING.has(byte) ? PRIVATE_USE + byte : byte)
}

/** Returns a document's path as a pattern of the router. Names of parameters do not matter for matching. */
export function routerPattern(path: string): string {
  let index = 0
  return path
    .split('/')
    .map(segment => {
      if (segment.startsWith(':')) return `:p${index++}`
      return segment === '*' ? segment : comparable(segment).replaceAll(':', '::')
    })
    .join('/')
}

/** Returns the literal segments at the start of a document's path, in the form of {@link comparable}; '' = none. */
export function literalStart(path: string): string {
  const parameter = path.indexOf('/:')
  const start = parameter === -1 ? path : path.slice(0, parameter)
  const literal = start.endsWith('/*') ? start.slice(0, -2) : start
  return literal === '/' ? '' : comparable(literal)
}

/** Returns where the segment with this index starts; -1 = there is none. */
export function startOfSegment(path: string, index: number): number {
  let from = path === '' ? -1 : 1
  for (let left = index; left > 0 && from !== -1; left--) {
    const slash = path.indexOf('/', from)
    from = slash === -1 ? -1 : slash + 1
  }
  return from
}

/** Hashes the segment that starts at `from`, up to the next slash. */
export function hashOfSegment(path: string, from: number): number {
  let hash = 0
  for (let at = from; at < path.length; at++) {
    const code = path.charCodeAt(at)
    if (code === SLASH) break
    hash = (hash * 31 + code) | 0
  }
  return hash
}

/**
 * Returns what a path has where the pattern of its route has `:name`, decoded, or, for the name `*`, everything that the
 * trailing `*` matched, not decoded. A segment whose escapes are not UTF-8 is not decoded either. Undefined when the
 * pattern has no such place.
 *
 * @param target a request target that the pattern matches
 */
export function pathParameter(pattern: string, target: string, name: string): string | undefined {
  const raw = rawPathParameter(pattern, target, name)
  if (name === '*' || !raw?.includes('%')) return raw
  try {
    return decodeURIComponent(raw)
  } catch {
    return raw
  }
}

/** Returns the same as {@link pathParameter}, as it is spelled in the path. */
export function rawPathParameter(pattern: string, target: string, name: string): string | undefined {
  const index = pattern.split('/').indexOf(name === '*' ? '*' : `:${name}`)
  if (index === -1) return undefined
  const segments = pathOf(target).split('/')
  return name === '*' ? segments.slice(index).join('/') : segments[index]
}
