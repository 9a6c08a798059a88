import { FORBIDDEN_IN_VALUE, TOKEN } from '../../../internal/http/header-lines.ts'
import { memoizeNames } from '../../../internal/http/memoize-names.ts'

/** How a field of an answer is treated. */
const TREAT = { pass: 0, drop: 1, date: 2, contentType: 3 } as const
type Treatment = (typeof TREAT)[keyof typeof TREAT]

/** The fields that HTTP/2 forbids (RFC 9113 section 8.2.2). A policy may have set them. */
const OF_HTTP1 = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
])

const treatmentOf = memoizeNames((spelling): Treatment => {
  if (!TOKEN.test(spelling)) throw new TypeError('a header name is not a token')
  const name = spelling.toLowerCase()
  if (OF_HTTP1.has(name)) return TREAT.drop
  if (name === 'date') return TREAT.date
  return name === 'content-type' ? TREAT.contentType : TREAT.pass
})

/**
 * Fields of answers that may enter the header table. Behind a proxy, one connection carries the answers of many users.
 * Whoever sees its lengths, and can make a node answer with a value, must not learn from them whether another user got the
 * same value (RFC 7541 section 7.1). So these have values that all answers share, and that are no secrets: no cookies, no
 * locations, no tags, and nothing that a service has named itself.
 */
const INDEXED: ReadonlySet<string> = new Set([
  ...['content-type', 'content-encoding', 'cache-control', 'vary', 'date', 'server', 'via', 'accept-ranges'],
  ...['strict-transport-security', 'x-content-type-options', 'x-frame-options', 'referrer-policy'],
  ...['access-control-allow-credentials', 'access-control-allow-headers', 'access-control-allow-methods'],
  ...['access-control-expose-headers', 'access-control-max-age'],
  ...['grpc-status', 'grpc-encoding', 'grpc-accept-encoding', 'trailer'],
])

/** Returns whether a field of an answer may enter the header table. @param name in lower case */
export function mayIndexAnswer(name: string): boolean {
  return INDEXED.has(name)
}

const EVENT_STREAM = /^text\/event-stream/i

/**
 * Returns the lines of an answer's head, `:status` first. Fields that HTTP/2 forbids are left out, and Date is added where
 * it is missing (RFC 9110 section 6.6.1), as Node does for HTTP/1.
 *
 * @throws TypeError when a name or a value is not allowed in HTTP
 */
export function answerLines(
  status: number,
  headers: readonly string[],
): { lines: string[]; isEventStream: boolean } {
  const lines = [':status', String(status)]
  let hasDate = false
  let isEventStream = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!
    const value = headers[i + 1]!
    if (FORBIDDEN_IN_VALUE.test(value)) throw new TypeError(`the value of ${name} has a forbidden character`)
    const treatment = treatmentOf(name)
    if (treatment === TREAT.drop) continue
    if (treatment === TREAT.date) hasDate = true
    else if (treatment === TREAT.contentType) isEventStream = EVENT_STREAM.test(value)
    lines.push(name, value)
  }
  if (!hasDate) lines.push('date', currentDate())
  return { lines, isEventStream }
}

/** Returns the lines of an interim answer. A field that is not allowed is left out: interim answers are only hints. */
export function interimLines(status: number, headers: readonly string[]): string[] {
  return [':status', String(status), ...trailerLines(headers)]
}

/** Returns the lines of trailers, without those that are not allowed. */
export function trailerLines(fields: readonly string[]): string[] {
  const lines: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    const value = fields[i + 1]!
    if (TOKEN.test(name) && !FORBIDDEN_IN_VALUE.test(value) && treatmentOf(name) !== TREAT.drop)
      lines.push(name, value)
  }
  return lines
}

let dateText = ''
let dateSecond = 0

/** Returns the time in the form of Date. It is written once a second. */
function currentDate(): string {
  const now = Date.now()
  const second = Math.floor(now / 1_000)
  if (second !== dateSecond) {
    dateSecond = second
    dateText = new Date(now).toUTCString()
  }
  return dateText
}
