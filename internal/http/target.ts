import { isAuthority, isSameAuthority } from './authority.ts'

/** Returns the path of an origin-form request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}

/** A request target in the one form in which it is matched, judged and forwarded. */
export interface CanonicalTarget {
  /** The path in canonical form, and the query as it came. */
  readonly target: string
  /** The path with its repeated slashes, and canonical otherwise; undefined when it has none. */
  readonly unmergedPath: string | undefined
  /** Whether the path has a `%2F`, which only some routes accept. */
  readonly hasEncodedSlash: boolean
}

/**
 * Returns whether a target is canonical already and every server reads its path alike: lower-case segments without
 * escapes, parameters, dots at an end, or a trailing slash. Most targets are.
 */
export function isPlainTarget(target: string): boolean {
  return PLAIN.test(target)
}

/**
 * Brings a target into canonical form: escapes of characters that need none are decoded (RFC 3986 section 6.2.2.2), and
 * repeated slashes are merged. All other escapes stay as they came, whatever bytes they stand for. Returns undefined for a
 * target that is never routed, because servers read it differently: one that is not in origin-form or not printable ASCII,
 * and one whose path has a malformed escape, `%5c`, `%00`, a backslash, `#`, a dot segment in any spelling, or an empty
 * first segment.
 */
export function canonicalTarget(target: string): CanonicalTarget | undefined {
  if (!ORIGIN_FORM.test(target)) return undefined
  const spelled = pathOf(target)
  const isEscaped = spelled.includes('%')
  if (isEscaped && REFUSED_ESCAPE.test(spelled)) return undefined
  const path = isEscaped ? decodeUnreserved(spelled) : spelled
  if (DOT_SEGMENT.test(path)) return undefined
  const merged = mergeSlashes(path)
  return {
    target: merged === spelled ? target : merged + target.slice(spelled.length),
    unmergedPath: merged === path ? undefined : path,
    hasEncodedSlash: isEscaped && ENCODED_SLASH.test(path),
  }
}

/**
 * Returns whether a path has a dot segment whose characters are encoded more than once. Clients may send such a path; a value
 * that is put into a path must not become one, for some servers decode twice.
 */
export function hasNestedDotSegment(path: string): boolean {
  const read = path.replace(NESTED_PERCENT, '%')
  return read !== path && DOT_SEGMENT.test(decodeUnreserved(read))
}

/** Decodes the escapes of letters, digits, `-`, `.`, `_` and `~`, which mean the same with and without (RFC 3986). */
export function decodeUnreserved(path: string): string {
  return path.replace(UNRESERVED_ESCAPE, found => String.fromCharCode(Number.parseInt(found.slice(1), 16)))
}

export function mergeSlashes(path: string): string {
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path
}

/**
 * Returns the origin-form of a target in absolute-form, which clients send to a proxy (RFC 9112 section 3.2.2). Returns
 * undefined when the target is not in absolute-form, or when its host or port differs from Host. The RFC lets the target
 * win. But if one of them chose the route and the node saw the other, a client could evade the rules of a host.
 *
 * @param host the Host header as the client sent it
 */
export function originForm(target: string, host: string | undefined): string | undefined {
  const [start, scheme, authority] = ABSOLUTE_FORM.exec(target) ?? []
  if (start === undefined || host === undefined) return undefined
  if (!isAuthority(authority!) || !isAuthority(host) || !isSameAuthority(authority!, host, scheme!)) {
    return undefined
  }
  const rest = target.slice(start.length)
  switch (rest.charCodeAt(0)) {
    case SLASH:
      return rest
    case QUESTION_MARK:
      return `/${rest}`
    default:
      return rest === '' ? '/' : undefined
  }
}

// None of these patterns backtracks further than one segment's run of dots or blanks.
const PLAIN =
  /^\/(?:\.*[a-z0-9_~!$&'()+,=:@-]+(?:\.+[a-z0-9_~!$&'()+,=:@-]+)*(?:\/\.*[a-z0-9_~!$&'()+,=:@-]+(?:\.+[a-z0-9_~!$&'()+,=:@-]+)*)*)?(?:\?[\x21\x22\x24-\x7e]*)?$/
// A backslash is refused in the path only, where some servers read it as a slash. Browsers send it in queries.
const ORIGIN_FORM = /^\/(?!\/)[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*(?:\?[\x21\x22\x24-\x7e]*)?$/
const REFUSED_ESCAPE = /%(?:5c|00|(?![0-9a-f]{2}))/i
const UNRESERVED_ESCAPE = /%(?:2[de]|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/gi
const ENCODED_SLASH = /%2f/i
/** Matches a percent sign that is encoded, however often. */
const NESTED_PERCENT = /%(?:25)+/g
// Some servers cut a segment at `;`, `?` or `#`, encoded or not, and some drop blanks at its end, before they look for dot
// segments; some decode `%2f` before that. `%c0%ae` and `%c0%af` are overlong forms of `.` and `/`.
const DOT_SEGMENT =
  /(?:^|\/|%2f|%(?:c0|e0%80)%af)(?:\.|%(?:c0|e0%80)%ae){1,2}(?:%0[9a-d]|%20)*(?:\/|%2f|%(?:c0|e0%80)%af|;|%3b|%3f|%23|$)/i
const ABSOLUTE_FORM = /^(https?):\/\/([^/?#]*)/i

/**
 * Removes the leading segments of `prefix` from a path or target, and returns at least `/`. What follows them is kept byte
 * for byte. If the client spelled the prefix differently (`/a%28` for `/a(`, `//api` for `/api`), which the router matches
 * too, as many segments are removed.
 *
 * @param prefix whole literal segments that the path is known to start with, such as `/api/v1`; '' = none
 */
export function stripPrefix(target: string, prefix: string): string {
  if (prefix === '') return target
  let end = prefix.length
  if (!target.startsWith(prefix) || !isBoundary(target.charCodeAt(end))) {
    end = 0
    for (let i = 0; i < prefix.length; i++) {
      if (prefix.charCodeAt(i) !== SLASH) continue
      while (target.charCodeAt(end) === SLASH) end++
      while (!isBoundary(target.charCodeAt(end))) end++
    }
  }
  const rest = target.slice(end)
  return rest.charCodeAt(0) === SLASH ? rest : `/${rest}`
}

const SLASH = 47
const QUESTION_MARK = 63

/** Returns whether a segment ends before this character (NaN = the end of the target). */
function isBoundary(code: number): boolean {
  return code === SLASH || code === QUESTION_MARK || Number.isNaN(code)
}
