import { withoutHeaders } from '../../internal/http/header-lines.ts'
import { memoizeNames } from '../../internal/http/memoize-names.ts'
import { addConnectionOptions } from '../../internal/http/request-head.ts'
import { REFERENCES } from '../../internal/references.ts'
import { InvalidAnswer, isTlsAlert, SPEAKS_HTTP2, SPEAKS_TLS, WITHHELD } from '../transport/answer-rules.ts'
import { isFieldValue, isToken, readFieldLines } from './field-lines.ts'

/** How the end of an answer's body is found (RFC 9112 section 6.3). `close`: the body ends with the connection. */
export type Framing = 'none' | 'length' | 'chunked' | 'close'

/** The head of an answer, read in one pass for everything that the gateway needs to know of it. */
export interface AnswerHead {
  readonly status: number
  /** Headers for the client, flat, in the node's order and spelling, without hop-by-hop fields and our own names. */
  readonly headers: string[]
  readonly framing: Framing
  /** Bytes of the body where `framing` is `length`. */
  readonly length: number
  /** Whether `headers` tell the client that length. */
  readonly hasLength: boolean
  /** Whether the node keeps the connection open for another request. */
  readonly persistent: boolean
  /** How long the node says that it keeps it open; undefined when it does not say. */
  readonly keepAliveMs: number | undefined
  /** Whether there are headers that name URLs or paths of the node: see REFERENCES in internal/references.ts. */
  readonly hasReferences: boolean
  /** Trailer, all lines joined: the names of trailers that the node announces. */
  readonly trailer: string | undefined
  /** The names, in lower case, of fields that Connection lists. They are hop-by-hop, as headers and as trailers. */
  readonly connectionOptions: ReadonlySet<string> | undefined
}

/** How a header of an answer is treated. */
const TREAT = {
  pass: 0,
  drop: 1,
  connection: 2,
  transferEncoding: 3,
  contentLength: 4,
  keepAlive: 5,
  proxyConnection: 6,
  reference: 7,
  trailer: 8,
} as const
type Treatment = (typeof TREAT)[keyof typeof TREAT]

const TREATMENTS: ReadonlyMap<string, Treatment> = new Map<string, Treatment>([
  ...WITHHELD.map(name => [name, TREAT.drop] as const),
  ['trailer', TREAT.trailer],
  ...REFERENCES.map(name => [name, TREAT.reference] as const),
  ['connection', TREAT.connection],
  ['transfer-encoding', TREAT.transferEncoding],
  ['content-length', TREAT.contentLength],
  ['keep-alive', TREAT.keepAlive],
  ['proxy-connection', TREAT.proxyConnection],
])

const treatmentOf = memoizeNames((spelling): Treatment => {
  if (!isToken(spelling)) throw new InvalidAnswer('a header name is not a token')
  return TREATMENTS.get(spelling.toLowerCase()) ?? TREAT.pass
})

const DIGITS = /^\d{1,16}$/
const STATUS = /^[1-9]\d\d$/
const KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=(\d{1,9})(?:[,\s]|$)/i
/** `HTTP/1.1 200` */
const STATUS_LINE_LENGTH = 12

/**
 * Reads the head of an answer: the status line and the field lines, each ended by CRLF.
 *
 * A head that two readers could frame differently is refused and not repaired:
 * - more than one Content-Length, or a Content-Length beside a Transfer-Encoding;
 * - any Transfer-Encoding other than a single `chunked`, because the body would be passed on still encoded, but without
 *   the header that says so;
 * - a Transfer-Encoding in HTTP/1.0;
 * - a Transfer-Encoding followed by a tab, which llhttp does not recognise: it reads to the end of the connection.
 *
 * @param text latin1, so that every byte of a value is passed on unchanged
 * @param from index of the status line
 * @param end index behind the CRLF of the last line; the empty line follows
 * @param method of the request that it answers: an answer to HEAD has no body
 * @throws InvalidAnswer
 */
export function readAnswerHead(text: string, from: number, end: number, method: string): AnswerHead {
  const status = readStatusLine(text, from)
  const isOld = text.charCodeAt(from + 7) === 0x30
  const headers: string[] = []
  let named: Set<string> | undefined
  let closes = false
  let keeps = !isOld
  let chunked = false
  let length = -1
  let keepAliveMs: number | undefined
  let hasReferences = false
  let trailer: string | undefined

  readFieldLines(text, text.indexOf('\r\n', from) + 2, end, (name, value, valueEnd) => {
    switch (treatmentOf(name)) {
      case TREAT.pass:
        headers.push(name, value)
        break
      case TREAT.drop:
        break
      case TREAT.reference:
        hasReferences = true
        headers.push(name, value)
        break
      case TREAT.connection:
        named = addConnectionOptions(named, value)
        if (hasOption(value, 'close')) closes = true
        else if (isOld && hasOption(value, 'keep-alive')) keeps = true
        break
      case TREAT.transferEncoding:
        if (chunked || isOld || value.toLowerCase() !== 'chunked' || isTabBehind(text, valueEnd))
          throw new InvalidAnswer('the answer has an unsupported transfer-encoding')
        chunked = true
        break
      case TREAT.contentLength:
        if (length !== -1) throw new InvalidAnswer('the answer has more than one content-length')
        length = DIGITS.test(value) ? Number(value) : -1
        if (length === -1 || !Number.isSafeInteger(length))
          throw new InvalidAnswer('the content-length of the answer is not a number')
        headers.push(name, value)
        break
      case TREAT.proxyConnection:
        // No standard defines this header, but llhttp, too, accepts nothing after an answer that has it.
        if (hasOption(value, 'close')) closes = true
        break
      case TREAT.trailer:
        trailer = trailer === undefined ? value : `${trailer}, ${value}`
        break
      case TREAT.keepAlive: {
        const seconds = KEEP_ALIVE_TIMEOUT.exec(value)?.[1]
        if (seconds !== undefined) keepAliveMs = Number(seconds) * 1000
        break
      }
    }
  })
  if (chunked && length !== -1)
    throw new InvalidAnswer('the answer has both content-length and transfer-encoding')
  // An interim answer has no body, but readers that do not know its status would look for one.
  if (status < 200 && (chunked || length > 0)) throw new InvalidAnswer('an interim answer has a body')

  const framing = framingOf(status, method, chunked, length)
  return {
    status,
    headers: named === undefined ? headers : withoutHeaders(headers, named),
    framing,
    length: framing === 'length' ? length : 0,
    hasLength: framing === 'length' && !named?.has('content-length'),
    persistent: keeps && !closes && framing !== 'close',
    keepAliveMs,
    hasReferences,
    trailer,
    connectionOptions: named,
  }
}

/** @throws InvalidAnswer */
function readStatusLine(text: string, from: number): number {
  if (!beginsAsHttp(text, from)) throw notHttp1(text, from)
  const status = text.slice(from + 9, from + STATUS_LINE_LENGTH)
  const lineEnd = text.indexOf('\r\n', from)
  const behind = from + STATUS_LINE_LENGTH
  if (!STATUS.test(status) || (lineEnd !== behind && text.charCodeAt(behind) !== 0x20))
    throw new InvalidAnswer('the status is not a three-digit number')
  if (!isFieldValue(text.slice(behind, lineEnd)))
    throw new InvalidAnswer('the status line has a control character')
  return Number(status)
}

/** Whether the text so far can be the beginning of an answer. Detects other protocols at their first bytes. */
export function beginsAsHttp(text: string, from: number): boolean {
  const length = Math.min(text.length - from, 9)
  for (const start of ['HTTP/1.1 ', 'HTTP/1.0 ']) {
    if (text.startsWith(start.slice(0, length), from)) return true
  }
  return false
}

/** A frame of type SETTINGS on stream 0, behind the three bytes of its length (RFC 9113 section 6.5). */
const SETTINGS = '\x04\0\0\0\0\0'

/** Returns the error for an answer of another protocol. Servers of HTTP/2 send SETTINGS before anything else. */
export function notHttp1(text: string, from: number): InvalidAnswer {
  if (isTlsAlert(text)) return new InvalidAnswer(SPEAKS_TLS)
  return new InvalidAnswer(text.startsWith(SETTINGS, from + 3) ? SPEAKS_HTTP2 : 'the answer is not HTTP/1')
}

function framingOf(status: number, method: string, chunked: boolean, length: number): Framing {
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return 'none'
  if (chunked) return 'chunked'
  if (length === -1) return 'close'
  return length === 0 ? 'none' : 'length'
}

/** Whether the blanks between a value and the end of its line include a tab. */
function isTabBehind(text: string, valueEnd: number): boolean {
  let at = valueEnd
  while (text.charCodeAt(at) === 0x20) at++
  return text.charCodeAt(at) === 0x09
}

function hasOption(value: string, option: string): boolean {
  if (value.length < option.length) return false
  const lower = value.toLowerCase()
  return lower === option || lower.split(',').some(each => each.trim() === option)
}
