import type { Duplex } from 'node:stream'
import {
  ERRORS,
  type ErrorCode,
  GatewayError,
  PROBLEM_CONTENT_TYPE,
  problemBody,
} from '../internal/errors.ts'

/**
 * Answers what Node's parser refuses before there is a request: not HTTP, too large a head, or too slow.
 * The connection is closed, since nothing on it can be trusted any more.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Nobody is there, or an answer is on its way that must not be written into.
  const outgoing = (socket as Duplex & { _httpMessage?: { headersSent: boolean } })._httpMessage
  if (error.code === 'ECONNRESET' || !socket.writable || outgoing?.headersSent) {
    socket.destroy()
    return
  }
  const code = codeOf(error)
  if (code === undefined) {
    socket.destroy()
    return
  }
  const { status, title } = ERRORS[code]
  const body = problemBody(new GatewayError(code), undefined)
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_CONTENT_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  )
}

/** Undefined for a client that was too slow: it is not waiting for words. */
function codeOf(error: NodeJS.ErrnoException): ErrorCode | undefined {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return 'WG_HEADERS_TOO_LARGE'
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return undefined
    default:
      return 'WG_BAD_REQUEST'
  }
}
