import { decodeUnreserved, mergeSlashes } from '../http/target.ts'

/** What servers that read paths leniently may take a path for. */
export interface LenientReadings {
  /** Starts with the path itself. */
  readonly paths: ReadonlySet<string>
  /** Readings in which dot segments have led somewhere else. They may leave what the route was meant to open. */
  readonly resolved: ReadonlySet<string>
}

/** One liberty that some servers take with a path. Returns the same text when it changes nothing. */
type Liberty = (path: string) => string

/**
 * All of them, in the order in which a server would take them. A server may take any selection: nginx merges slashes,
 * Tomcat and Spring drop `;` parameters, Windows drops dots and spaces at the end of a name, and anything behind two
 * decoders reads what the first one left over. They are kept apart, because a reading that takes too many of them may lead
 * to an open place where one with fewer leads to a guarded place.
 */
const LIBERTIES: readonly Liberty[] = [
  // Decodes once more.
  path => path.replace(/%25(?=[0-9a-f]{2})/gi, '%'),
  decodeOverlong,
  // Takes characters for plainer ones, such as U+FF0F for a slash (Unicode, NFKC).
  path => mapText(path, text => text.normalize('NFKC')),
  // Takes an encoded NUL, `?` or `#` for the end of the path.
  path => path.replace(/%00.*$/, ''),
  path => path.replace(/%3f.*$/i, ''),
  path => path.replace(/%23.*$/, ''),
  // Takes an encoded slash, or a backslash, for a separator.
  path => path.replace(/%2f/gi, '/'),
  path => path.replace(/%5c|\\/gi, '/'),
  // Drops the parameters of each segment (RFC 2396 section 3.3), before decoding or after.
  path => path.replace(/;[^/]*/g, ''),
  path => path.replace(/(?:;|%3b)[^/]*/gi, ''),
  // Drops blanks at the end of each segment, those of ASCII or all, and perhaps dots.
  path => trimSegments(path, BLANKS),
  path => trimSegments(path, ALL_BLANKS),
  path => trimSegments(path, BLANKS, true),
  path => trimSegments(path, ALL_BLANKS, true),
  // Merges slashes that the liberties above have brought together.
  mergeSlashes,
  // Ignores a trailing slash.
  path => (path.endsWith('/') ? path.slice(0, -1) : path),
]

/** A path that can be read in more ways means no good. */
const MAX_READINGS = 64
/** Bounds the work for a long path: all readings together. */
const MAX_CHARACTERS = 65_536

/**
 * Returns the readings of a path. Case is not among them; compare without regard to it where that matters. Returns
 * undefined when there are too many, which only happens when a path invites most of the liberties.
 *
 * @param path as the node receives it, in canonical form
 */
export function lenientReadings(path: string): LenientReadings | undefined {
  const paths = new Set([path])
  for (const take of LIBERTIES) {
    for (const reading of [...paths]) {
      const other = take(reading)
      if (other !== reading) paths.add(decodeUnreserved(other) || '/')
      if (paths.size > MAX_READINGS || (paths.size > 1 && paths.size * path.length > MAX_CHARACTERS)) {
        return undefined
      }
    }
  }
  const resolved = new Set<string>()
  for (const reading of paths) {
    if (DOT_SEGMENT.test(reading)) resolved.add(resolveDots(reading))
  }
  return { paths, resolved }
}

const DOT_SEGMENT = /\/\.{1,2}(?:\/|$)/

/** RFC 3986 section 5.2.4. */
function resolveDots(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  return `/${kept.join('/')}`
}

/** Decodes ASCII characters that are written in more bytes than UTF-8 allows (RFC 3629 section 10). */
function decodeOverlong(path: string): string {
  return path.replace(
    /%(?:c([01])|e0%8([01])|f0%80%8([01]))%([89ab][0-9a-f])/gi,
    (_found, of2 = '', of3 = '', of4 = '', last: string) => {
      const code = (Number(of2 + of3 + of4) << 6) | (Number.parseInt(last, 16) & 0x3f)
      return `%${code.toString(16).padStart(2, '0')}`
    },
  )
}

/** Returns a path such that paths which differ in the case of ASCII letters become equal. */
export function foldCase(path: string): string {
  return path.toLowerCase()
}

/** Returns a path such that paths which differ in case, or in forms of the same characters, become equal. */
export function foldText(path: string): string {
  return mapText(path, text => text.normalize('NFKC').toUpperCase().toLowerCase()).toLowerCase()
}

/** Whether a path has text beyond ASCII, so that {@link foldText} differs from {@link foldCase}. */
export function hasText(path: string): boolean {
  return HIGH_BYTE.test(path) && path.search(TEXT) !== -1
}

const HIGH_BYTE = /%[c-f]/i
/** Escapes that are UTF-8 (RFC 3629 section 4), and a letter before them, which they may change. */
const TEXT =
  /[a-z]?(?:%(?:c[2-9a-f]|d[0-9a-f])%[89ab][0-9a-f]|%e(?:0%[ab]|d%[89]|[1-9a-cef]%[89ab])[0-9a-f]%[89ab][0-9a-f]|%f(?:0%[9ab]|4%8|[1-3]%[89ab])[0-9a-f](?:%[89ab][0-9a-f]){2})+/gi

/** Changes the text that escapes stand for. Bytes that are not UTF-8 stay. */
function mapText(path: string, change: (text: string) => string): string {
  if (!HIGH_BYTE.test(path)) return path
  return path.replace(TEXT, run => {
    const text = decodeURIComponent(run)
    const changed = change(text)
    return changed === text ? run : encodeURIComponent(changed)
  })
}

/** Removes blanks, and dots if asked, from the end of each segment. Dot segments stay. */
function trimSegments(path: string, blanks: ReadonlySet<string>, withDots = false): string {
  if (!TRIMMED.test(path)) return path
  return path
    .split('/')
    .map(segment => trimEnd(segment, blanks, withDots))
    .join('/')
}

const TRIMMED = /(?:\.|%[0189a][0-9a-f]|%20)(?:\/|$)/i
const BLANKS = new Set(['09', '0a', '0b', '0c', '0d', '1c', '1d', '1e', '1f', '20'])
/** With U+0085 and U+00A0, of which UTF-8 has `%c2` as well. */
const ALL_BLANKS = new Set([...BLANKS, '85', 'a0'])

function trimEnd(segment: string, blanks: ReadonlySet<string>, withDots: boolean): string {
  let end = segment.length
  for (;;) {
    if (segment[end - 3] === '%' && blanks.has(segment.slice(end - 2, end).toLowerCase())) end -= 3
    else if (withDots && segment[end - 1] === '.' && segment !== '.' && segment !== '..') end--
    else break
  }
  const trimmed = segment.slice(0, end)
  return end < segment.length && /%c2$/i.test(trimmed) ? trimmed.slice(0, -3) : trimmed
}
