import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  ERRORS,
  type ErrorCode,
  GatewayError,
  PROBLEM_CONTENT_TYPE,
  problemBody,
} from '../internal/errors.ts'

/** What Node keeps of a connection beyond what it documents. */
type ServerSocket = Duplex & {
  /** The answer that is being written, or waited for. */
  readonly _httpMessage?: (ServerResponse & { readonly req: IncomingMessage }) | null
}

/** What Node's parser says of what it refuses. */
interface ParserError extends Error {
  readonly code?: string
  /** What came last, the end of what was refused; a Buffer, whatever its declared type is elsewhere. */
  readonly rawPacket?: unknown
  /** Up to where in it the parser went. */
  readonly bytesParsed?: number
}

export interface ClientErrorOptions {
  /** Told the size of what is refused, which takes memory until it is collected. */
  readonly onPiece: (bytes: number) => void
  /** Told of a connection that is ended because the head of a request did not come in time. */
  readonly onLateHead: () => void
}

/**
 * Answers what Node's parser refuses before there is a request: not HTTP, or too large a head. The connection is
 * closed, since nothing on it can be trusted any more. So is, without an answer, one whose head comes too slowly.
 */
export function createClientErrorHandler(
  options: ClientErrorOptions,
): (error: ParserError, socket: ServerSocket) => void {
  return (error, socket) => {
    if (Buffer.isBuffer(error.rawPacket)) options.onPiece(error.rawPacket.length)
    // Told already; this is what it was sending meanwhile.
    if (socket.writableEnded && !socket.destroyed) return
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') options.onLateHead()
    // Somebody who was too slow is not waiting for words.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' || error.code === 'ECONNRESET') socket.destroy()
    else endWithProblem(socket, codeOf(error))
  }
}

/** Says why on a connection on which nothing else can be said, and closes it. */
export function endWithProblem(socket: ServerSocket, code: ErrorCode): void {
  socket.on('error', () => {})
  const answering = socket._httpMessage
  // Nobody is there, an answer is on its way that must not be written into, or an earlier request waits for its own,
  // for which this one would be taken.
  if (!socket.writable || answering?.headersSent || answering?.req.complete) {
    socket.destroy()
    return
  }
  const { status, title } = ERRORS[code]
  const body = problemBody(new GatewayError(code), undefined)
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
  // To close with bytes unread resets the connection, and who is still sending may never see why.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket
    .resume()
    .once('end', () => socket.destroy())
    .once('close', () => clearTimeout(timer))
}

/** How long a client that was refused may go on sending before its connection is gone. */
const LINGER_MS = 1_000

function codeOf({ code, rawPacket, bytesParsed = 0 }: ParserError): ErrorCode {
  if (code !== 'HPE_HEADER_OVERFLOW') return 'WG_BAD_REQUEST'
  return Buffer.isBuffer(rawPacket) && isInRequestLine(rawPacket, bytesParsed)
    ? 'WG_URI_TOO_LONG'
    : 'WG_HEADERS_TOO_LARGE'
}

/** As long as a method and the first byte of a target can be. */
const LONGEST_METHOD = 32

/**
 * Whether the parser came no further than the first line of a request. Of one that came in many small pieces only
 * the last is known, and that looks like any part of a head.
 */
function isInRequestLine(piece: Buffer, bytesParsed: number): boolean {
  const start = piece.toString('latin1', 0, LONGEST_METHOD)
  return /^[A-Z-]{1,24} \S/.test(start) && !piece.subarray(0, bytesParsed).includes(LINE_FEED)
}

const LINE_FEED = 0x0a
