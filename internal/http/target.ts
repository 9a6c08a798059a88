/** The path of an origin-form request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf('?')
  return query === -1 ? target : target.slice(0, query)
}

/**
 * What a target is: `plain`, one that we route; `encoded-slash`, one that has a `%2F` in its path and is plain but for
 * that; `unsafe`, one that is never routed.
 */
export type TargetKind = 'plain' | 'encoded-slash' | 'unsafe'

/**
 * A plain target is in origin-form, printable ASCII, percent-encoded UTF-8, and has no bytes that different servers
 * read differently (`%2f`, `%5c`, `%00`, backslash, `#`, a dot segment however spelled, an empty first segment).
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
 * The origin-form of a target in absolute-form, as clients send it that take us for their proxy (RFC 9112 section
 * 3.2.2). Undefined when it is none, or when it names another host than Host does: whoever routes by the one and
 * forwards the other could be led past the rules of a host.
 *
 * @param host the Host header as it came
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

// Each of these looks at a character once and never backtracks further than one escape.
// Only in the path does a backslash mean something else to some servers; browsers send it in queries.
const ORIGIN_FORM = /^\/(?!\/)[\x21\x22\x24-\x3e\x40-\x5b\x5d-\x7e]*(?:\?[\x21\x22\x24-\x7e]*)?$/
const AMBIGUOUS_ESCAPE = /%(?:5c|00|(?![0-9a-f]{2}))/i
const ENCODED_SLASH = /%2f/i
// Some servers cut a segment at `;` before they look whether it is one of dots, and some decode `%2f` before that.
const DOT_SEGMENT = /(?:^|\/|%2f)(?:\.|%2e){1,2}(?:\/|%2f|;|%3b|$)/i
const SCHEME = /^https?:\/\//i

/** Whether the escapes of a path are UTF-8; other bytes are read in as many ways as there are servers. */
function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

/**
 * The target without the leading segments of `prefix`, query kept byte for byte; at least `/`. Counts
 * segments where the client spelled them otherwise (`/%61pi` for `/api`), which the router matched too.
 *
 * @param prefix whole literal segments that the path is known to start with, e.g. `/api/v1`; '' = none
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

/** Whether a segment ends before this character (NaN = the target's end). */
function isBoundary(code: number): boolean {
  return code === SLASH || code === QUESTION_MARK || Number.isNaN(code)
}
