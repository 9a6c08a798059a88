/**
 * Functions on header lines. Header lines are one flat array: name, value, name, value, as in Node's `rawHeaders` and
 * `writeHead`. Names keep their spelling. The functions take names in lower case and ignore case when they compare.
 */

/** The most lines of the head of a request, and of the head of an answer over HTTP/2. */
export const MAX_HEADER_LINES = 256
/** The most interim answers before an answer, in either protocol. */
export const MAX_INTERIM_ANSWERS = 32

/** Matches a token, such as the name of a header (RFC 9110 section 5.6.2). */
export const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Matches a list of tokens, such as the value of Access-Control-Request-Headers (RFC 9110 section 5.6.1). */
export const TOKEN_LIST = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/

/** Matches what a field value must not have: RFC 9110 section 5.5 allows no control characters but the tab. */
export const FORBIDDEN_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/** Fields that frame a message or concern one connection alone (RFC 9110 section 7.6.1), in lower case. */
export const FRAMING_FIELDS: readonly string[] = [
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/**
 * Fields that tell a node who asks, and how, in lower case. With X-Forwarded-* and the headers of `jwt.claimHeaders`, they
 * are what nodes trust.
 */
export const TRUSTED_FIELDS: readonly string[] = ['forwarded', 'x-real-ip', 'x-request-id', 'x-user-id']

/** Fields that tell of the trace that a request belongs to (W3C Trace Context, W3C Baggage), in lower case. */
export const TRACE_FIELDS: readonly string[] = ['traceparent', 'tracestate', 'baggage']

/** Returns the value of the first line with that name; undefined when there is none. */
export function getHeader(lines: readonly string[], name: string): string | undefined {
  for (let i = 0; i < lines.length; i += 2) {
    if (isNamed(lines[i]!, name)) return lines[i + 1]
  }
  return undefined
}

/** Returns the values of all lines with that name, joined with `, `; undefined when there is none. */
export function getAllHeaders(lines: readonly string[], name: string): string | undefined {
  let value: string | undefined
  for (let i = 0; i < lines.length; i += 2) {
    if (isNamed(lines[i]!, name)) value = value === undefined ? lines[i + 1]! : `${value}, ${lines[i + 1]}`
  }
  return value
}

/**
 * Removes the lines with that name, in place.
 *
 * @param pattern removes only lines whose value matches; undefined = all of them
 * @returns the removed values joined with `, ` (RFC 9110 section 5.3); undefined when there was none
 */
export function takeHeader(lines: string[], name: string, pattern?: RegExp): string | undefined {
  let value: string | undefined
  for (let i = lines.length - 2; i >= 0; i -= 2) {
    if (!isNamed(lines[i]!, name)) continue
    if (pattern !== undefined && !pattern.test(lines[i + 1]!)) continue
    value = value === undefined ? lines[i + 1]! : `${lines[i + 1]}, ${value}`
    lines.splice(i, 2)
  }
  return value
}

/** Removes, in place, the lines whose name passes the test. The test gets each name as it is spelled. */
export function removeHeaders(lines: string[], isRemoved: (spelling: string) => boolean): void {
  let kept = 0
  for (let i = 0; i < lines.length; i += 2) {
    if (isRemoved(lines[i]!)) continue
    if (kept !== i) {
      lines[kept] = lines[i]!
      lines[kept + 1] = lines[i + 1]!
    }
    kept += 2
  }
  if (kept !== lines.length) lines.length = kept
}

/** Returns a copy without the fields that `names` holds in lower case. */
export function withoutHeaders(lines: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!
    if (!names.has(name.toLowerCase())) kept.push(name, lines[i + 1]!)
  }
  return kept
}

/**
 * Adds members to a field that is a list, such as Vary, in place: to its first line, or as a line of its own. Members
 * that the list already has, in any case, are not added again.
 */
export function addToList(lines: string[], name: string, members: readonly string[]): void {
  if (getHeader(lines, name) === undefined) {
    lines.push(name, members.join(', '))
    return
  }
  const known = new Set<string>()
  let first = -1
  for (let i = 0; i < lines.length; i += 2) {
    if (!isNamed(lines[i]!, name)) continue
    if (first === -1) first = i
    for (const member of lines[i + 1]!.split(',')) known.add(member.trim().toLowerCase())
  }
  const added = members.filter(member => !known.has(member.toLowerCase())).join(', ')
  if (added === '') return
  lines[first + 1] = lines[first + 1] === '' ? added : `${lines[first + 1]}, ${added}`
}

/** Returns the value of the first cookie of that name, as the client sent it (RFC 6265 section 5.4). */
export function getCookie(lines: readonly string[], name: string): string | undefined {
  for (let i = 0; i < lines.length; i += 2) {
    if (!isNamed(lines[i]!, 'cookie')) continue
    for (const pair of lines[i + 1]!.split(';')) {
      const value = cookieValue(pair, name)
      if (value !== undefined) return value
    }
  }
  return undefined
}

/** Whether browsers send a cookie with what pages of other sites ask for: `lax`, with links alone; `none`, with everything. */
export type SameSite = 'lax' | 'none'

/** Returns the value of a Set-Cookie header for a cookie that scripts cannot read and that ends with the browser's session. */
export function sessionCookie(name: string, value: string, isSecure: boolean, sameSite: SameSite): string {
  // Browsers drop a cookie with `None` that is not `Secure`.
  const site = sameSite === 'none' && isSecure ? 'None' : 'Lax'
  return `${name}=${value}; Path=/; HttpOnly; SameSite=${site}${isSecure ? '; Secure' : ''}`
}

/** Removes every cookie of that name, in place, and returns the values, last line first. */
export function takeCookies(lines: string[], name: string): string[] {
  const values: string[] = []
  for (let i = lines.length - 2; i >= 0; i -= 2) {
    if (!isNamed(lines[i]!, 'cookie')) continue
    const pairs = lines[i + 1]!.split(';')
    const kept = pairs.filter(pair => {
      const value = cookieValue(pair, name)
      if (value !== undefined) values.push(value)
      return value === undefined
    })
    if (kept.length === pairs.length) continue
    if (kept.length === 0) lines.splice(i, 2)
    else lines[i + 1] = kept.join(';').trim()
  }
  return values
}

function cookieValue(pair: string, name: string): string | undefined {
  const equals = pair.indexOf('=')
  return equals !== -1 && pair.slice(0, equals).trim() === name ? pair.slice(equals + 1).trim() : undefined
}

/** Returns whether a field name, as it is spelled, is `name`, which is in lower case. */
export function isNamed(spelling: string, name: string): boolean {
  // Most names differ in their first character, whose case is one bit.
  return (
    spelling.length === name.length &&
    (spelling.charCodeAt(0) | 32) === (name.charCodeAt(0) | 32) &&
    (spelling === name || spelling.toLowerCase() === name)
  )
}

/** Returns a header value, whose characters are bytes, as the text that its bytes mean in UTF-8 if they mean one. */
export function asText(value: string): string {
  if (!HIGH_BYTE.test(value)) return value
  const text = Buffer.from(value, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? value : text
}

const HIGH_BYTE = /[\x80-\xff]/
