import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Call } from '../../internal/call.ts'
import {
  ERRORS,
  type ErrorCode,
  GatewayError,
  PROBLEM_CONTENT_TYPE,
  problemBody,
} from '../../internal/http/errors.ts'
import type { Exchange } from '../../internal/policy.ts'
import { plainAddress } from '../request/client-address.ts'
import { createRequestIds } from '../request/request-id.ts'
import { linger } from './linger.ts'

/** What Node keeps of a connection beyond what it documents. */
type ServerSocket = Socket & {
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
  /** Told of what was refused before there was a request to serve. Of that, method and path are `-` where unknown. */
  readonly onRefused: (call: Call, status: number) => void
}

/** What comes on a client's connection and is no request to serve. */
export interface ClientErrors {
  /**
   * Answers what Node's parser refuses before there is a request: not HTTP, or too large a head. The connection is
   * closed, since nothing on it can be trusted any more. So is, without an answer, one whose head comes too slowly.
   */
  refuse(error: ParserError, socket: ServerSocket): void
  /** Answers a CONNECT, and closes its connection. */
  refuseConnect(request: IncomingMessage, socket: ServerSocket): void
  /** Notes in a call that ended why, when the reason is what followed its head on the connection. */
  explain(exchange: Exchange): void
}

export function createClientErrors(options: ClientErrorOptions): ClientErrors {
  const newId = createRequestIds()
  /** By the answer that was waited for, why a request has no end. */
  const broken = new WeakMap<object, GatewayError>()

  /** Says why on a connection on which nothing else can be said, closes it, and tells of it. */
  function end(socket: ServerSocket, error: GatewayError, method: string, target: string): void {
    const answering = socket._httpMessage
    if (answering && !answering.req.complete) {
      // What cannot be read belongs to a request that is a call already.
      broken.set(answering, error)
      endWithProblem(socket, error, undefined)
      return
    }
    const call = new Call(newId(), method, target, performance.now())
    call.clientAddress = plainAddress(socket.remoteAddress)
    call.errorCode = error.code
    call.failure = error.cause
    endWithProblem(socket, error, call.requestId)
    options.onRefused(call, error.status)
  }

  return {
    refuse(error, socket) {
      if (Buffer.isBuffer(error.rawPacket)) options.onPiece(error.rawPacket.length)
      // Told already; this is what it was sending meanwhile.
      if (socket.writableEnded && !socket.destroyed) return
      // Behind a request that said it is the last one: its answer ends the connection.
      if (error.code === 'HPE_CLOSED_CONNECTION' && socket._httpMessage) return
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') options.onLateHead()
      // Who was too slow, or has left, is not waiting for words.
      if (!error.code?.startsWith('HPE_')) socket.destroy()
      else end(socket, new GatewayError(codeOf(error), { cause: error }), UNKNOWN, UNKNOWN)
    },
    refuseConnect(request, socket) {
      end(socket, new GatewayError('WG_BAD_REQUEST'), request.method!, request.url!)
    },
    explain({ call, response }) {
      const error = broken.get(response)
      if (!error) return
      call.errorCode = error.code
      call.failure = error.cause
    },
  }
}

/** In place of what was never read. */
const UNKNOWN = '-'

function endWithProblem(socket: ServerSocket, error: GatewayError, requestId: string | undefined): void {
  socket.on('error', () => {})
  const answering = socket._httpMessage
  // Nobody is there, an answer is on its way that must not be written into, or an earlier request waits for its own,
  // for which this one would be taken.
  if (!socket.writable || answering?.headersSent || answering?.req.complete) {
    socket.destroy()
    return
  }
  const body = problemBody(error, requestId)
  socket.write(
    `HTTP/1.1 ${error.status} ${ERRORS[error.code].title}\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${requestId === undefined ? '' : `X-Request-Id: ${requestId}\r\n`}` +
      `Connection: close\r\n\r\n${body}`,
  )
  linger(socket)
}

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
