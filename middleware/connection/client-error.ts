import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Call } from '../../internal/call.ts'
import { CLIENT_TLS, type ClientTls } from '../../internal/http/client-tls.ts'
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

/** An undocumented field of a socket of Node's HTTP server. */
type ServerSocket = Socket & {
  /** The answer that is being written or waited for. */
  readonly _httpMessage?: (ServerResponse & { readonly req: IncomingMessage }) | null
  readonly [CLIENT_TLS]?: ClientTls
}

/** The error of Node's parser for data that it refuses. */
export interface ParserError extends Error {
  readonly code?: string
  /** The last piece of the refused data. It is a Buffer, although other types declare it differently. */
  readonly rawPacket?: unknown
  /** The number of bytes of `rawPacket` that were parsed. */
  readonly bytesParsed?: number
}

export interface ClientErrorOptions {
  /** Called with the size of a refused piece, which takes memory until it is collected. */
  readonly onPiece: (bytes: number) => void
  /** Called when a connection is ended because the head of a request did not arrive in time. */
  readonly onSlowHead: () => void
  /** Called with each request that was refused before it could be served. Its method and path are `-` if unknown. */
  readonly onRefused: (call: Call, status: number) => void
}

/** Handles the data on a client's connection that is not a request to serve. */
export interface ClientErrors {
  /**
   * Answers data that Node's parser refuses, because it is not HTTP or has too large a head, and closes the connection,
   * since nothing that follows on it can be trusted. A connection whose request head arrives too slowly is closed without
   * an answer.
   */
  refuse(error: ParserError, socket: ServerSocket): void
  /** Refuses a CONNECT request and closes its connection. */
  refuseConnect(request: IncomingMessage, socket: ServerSocket): void
  /** Refuses a request without TLS at the port for TLS and closes its connection. */
  refusePlain(socket: ServerSocket): void
  /** Sets the error of a finished call, if the call ended because its body could not be parsed. */
  explain(exchange: Exchange): void
}

export function createClientErrors(options: ClientErrorOptions): ClientErrors {
  const newId = createRequestIds()
  /** The reason why a request has no end, by its answer. */
  const broken = new WeakMap<object, GatewayError>()

  /** Answers with the error, closes the connection and reports the refusal. */
  function end(socket: ServerSocket, error: GatewayError, method: string, target: string): void {
    const answering = socket._httpMessage
    if (answering && !answering.req.complete) {
      // The refused data is the body of a request that already has a call.
      broken.set(answering, error)
      endWithProblem(socket, error, undefined)
      return
    }
    const call = new Call(newId(), method, target, performance.now())
    call.clientAddress = plainAddress(socket.remoteAddress)
    call.tls = socket[CLIENT_TLS]
    call.errorCode = error.code
    call.failure = error.cause
    endWithProblem(socket, error, call.requestId)
    options.onRefused(call, error.status)
  }

  return {
    refuse(error, socket) {
      if (Buffer.isBuffer(error.rawPacket)) options.onPiece(error.rawPacket.length)
      // The client has been answered already and was still sending.
      if (socket.writableEnded && !socket.destroyed) return
      // The data follows a request that announced itself as the last one. The answer to that ends the connection.
      if (error.code === 'HPE_CLOSED_CONNECTION' && socket._httpMessage) return
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') options.onSlowHead()
      // A client that was too slow, or has left, gets no answer.
      if (!error.code?.startsWith('HPE_')) socket.destroy()
      else end(socket, new GatewayError(codeOf(error), { cause: error }), UNKNOWN, UNKNOWN)
    },
    refuseConnect(request, socket) {
      end(socket, new GatewayError('WG_BAD_REQUEST'), request.method!, request.url!)
    },
    refusePlain(socket) {
      end(socket, new GatewayError('WG_BAD_REQUEST', { detail: NEEDS_TLS }), UNKNOWN, UNKNOWN)
    },
    explain({ call, response }) {
      const error = broken.get(response)
      if (!error) return
      call.errorCode = error.code
      call.failure = error.cause
    },
  }
}

/** Stands for a method or target that was never read. */
const UNKNOWN = '-'

const NEEDS_TLS = 'This port needs TLS: use https.'

function endWithProblem(socket: ServerSocket, error: GatewayError, requestId: string | undefined): void {
  socket.on('error', () => {})
  const answering = socket._httpMessage
  // The client has left, or an answer has begun that must not be written into, or an earlier request waits for its
  // answer and would receive this one.
  if (!socket.writable || answering?.headersSent || answering?.req.complete) {
    socket.destroy()
    return
  }
  const body = problemBody(error, requestId)
  const hsts = socket[CLIENT_TLS]?.hsts
  socket.write(
    `HTTP/1.1 ${error.status} ${ERRORS[error.code].title}\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${requestId === undefined ? '' : `X-Request-Id: ${requestId}\r\n`}` +
      `${hsts === undefined ? '' : `Strict-Transport-Security: ${hsts}\r\n`}` +
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

/** Enough bytes for any method and the first byte of a target. */
const LONGEST_METHOD = 32

/**
 * Returns whether the parser stopped in the first line of a request. When the head arrived in many small pieces, only the
 * last piece is known, which could be any part of the head.
 */
function isInRequestLine(piece: Buffer, bytesParsed: number): boolean {
  const start = piece.toString('latin1', 0, LONGEST_METHOD)
  return /^[A-Z-]{1,24} \S/.test(start) && !piece.subarray(0, bytesParsed).includes(LINE_FEED)
}

const LINE_FEED = 0x0a
