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
  rawPacket?: unknown
  /** The number of bytes of `rawPacket` that were parsed. */
  readonly bytesParsed?: number
}

export interface ClientErrorOptions {
  /** Whether the request of an answer waits for its turn, so that it has no call. */
  readonly waits: (answer: ServerResponse) => boolean
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
   * Answers data that Node's parser refuses, because it is not HTTP or has too large a head, behind the answers to the
   * requests before it, and closes the connection, since nothing that follows on it can be trusted. A connection whose
   * request head arrives too slowly is closed without an answer.
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
  /** Connections with refused data behind requests whose answers are still due. */
  const waiting = new WeakSet<Socket>()

  /**
   * Answers with the error, closes the connection and reports the refusal. The answers to whole requests before it come
   * first: a client whose length is a few bytes short must learn what its request has done.
   */
  function end(socket: ServerSocket, error: GatewayError, method: string, target: string): void {
    const answering = socket._httpMessage
    if (answering?.req.complete) {
      waiting.add(socket)
      answering.once('finish', () => {
        // An answer that says that it is the last one ends the connection itself.
        if (!socket.writableEnded) end(socket, error, method, target)
      })
      return
    }
    // The refused data is the body of a request, which has a call unless it waits for its turn.
    if (answering && !options.waits(answering)) {
      broken.set(answering, error)
      endWithProblem(socket, error, undefined)
      if (!socket.destroyed) abandon(answering, socket)
      return
    }
    const call = new Call(newId(), method, target, performance.now())
    call.clientAddress = plainAddress(socket.remoteAddress)
    call.tls = socket[CLIENT_TLS]
    call.errorCode = error.code
    call.failure = error.cause
    endWithProblem(socket, error, call.requestId)
    if (answering && !socket.destroyed) abandon(answering, socket)
    options.onRefused(call, error.status)
  }

  return {
    refuse(error, socket) {
      if (Buffer.isBuffer(error.rawPacket)) options.onPiece(error.rawPacket.length)
      // The client has been answered already, or will be, and was still sending.
      if ((socket.writableEnded && !socket.destroyed) || waiting.has(socket)) return
      // The data follows a request that announced itself as the last one. The answer to that ends the connection.
      if (error.code === 'HPE_CLOSED_CONNECTION' && socket._httpMessage) return
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') options.onSlowHead()
      // A client that was too slow, or has left, gets no answer.
      if (!error.code?.startsWith('HPE_')) {
        socket.destroy()
        return
      }
      const code = codeOf(error)
      // The error is kept until the answers before it are sent.
      error.rawPacket = undefined
      end(socket, new GatewayError(code, { cause: error }), UNKNOWN, UNKNOWN)
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
  // The client has left, or an answer has begun that must not be written into.
  if (!socket.writable || answering?.headersSent) {
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

/**
 * Closes an answer that can no longer be sent, since its client got another one. It does what Node does when a connection
 * closes, because `destroy()` closes the connection, and tells of an answer without one in some versions only.
 */
function abandon(answer: ServerResponse, socket: Socket): void {
  answer.detachSocket(socket)
  answer.destroyed = true
  answer.emit('close')
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
