/** Returns the path of an origin-form request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}

/**
 * The kinds of request targets. `plain` targets are routed. An `encoded-slash` target has a `%2F` in its path and is plain
 * otherwise; only some routes accept it. An `unsafe` target is never routed.
 */
export type TargetKind = 'plain' | 'encoded-slash' | 'unsafe'

/**
 * Returns the kind of a target. A plain target is in origin-form, printable ASCII and percent-encoded UTF-8. It has none of
 * the parts that servers read differently: `%2f`, `%5c`, `%00`, a backslash, `#`, a dot segment in any spelling, or an
 * empty first segment.
 */
export function kindOfTarget(target: string): TargetKind {
  if (!ORIGIN_FORM.test(target)) return 'unsafe'
  const path = pathOf(target)
  const isEscaped = path.includes('%')
  if (isEscaped && (AMBIGUOUS_ESCAPE.test(path) || !isUtf8(path))) return 'unsafe'
  if ((path.includes('.') || path.includes('%2')) && DOT_SEGMENT.test(path)) return 'unsafe'
  return isEscaped && ENCODED_SLASH.test(path) ? 'encoded-slash' : 'plain'
}

/**
 * Returns the origin-form of a target in absolute-form, which clients send to a proxy (RFC 9112 section 3.2.2). Returns
 * undefined when the target is not in absolute-form, or when its host differs from Host. If one of them chose the route and
 * the node saw the other, a client could evade the rules of a host.
 *
 * @param host the Host header as the client sent it
 */
export function originForm(target: string, host: string | undefined): string | undefined {
  const scheme = SCHEME.exec(target)?.[0]
  if (scheme === undefined || host === undefined || host === '') return undefined
  const from = scheme.length
  const end = from + host.length
  if (target.slice(from, end).toLowerCase() !== host.toLowerCase()) return undefined
  const rest = target.slice(end)
  switch (rest.charCodeAt(0)) {
    case SLASH:
      return rest
    case QUESTION_MARK:
      return `/${rest}`
    default:
      return rest === '' ? '/' : undefined
  }
}

// None of these patterns backtracks further than one escape.
// A backslash is refused in the path only, where some servers read it as a slash. Browsers send it in queries.
const ORIGIN_FORM = /^\/(?!\/)[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*(?:\?[\x21\x22\x24-\x7e]*)?$/
const AMBIGUOUS_ESCAPE = /%(?:5c|00|(?![0-9a-f]{2}))/i
const ENCODED_SLASH = /%2f/i
// Some servers cut a segment at `;` before they look for dot segments, and some decode `%2f` before that.
const DOT_SEGMENT = /(?:^|\/|%2f)(?:\.|%2e){1,2}(?:\/|%2f|;|%3b|$)/i
const SCHEME = /^https?:\/\//i

/** Returns whether the escapes of a path are UTF-8. Servers read other bytes differently. */
function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

/**
 * Removes the leading segments of `prefix` from a target, and returns at least `/`. The query is kept byte for byte. If the
 * client spelled the prefix differently (`/%61pi` for `/api`), which the router matches too, as many segments are removed.
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
      end++
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
