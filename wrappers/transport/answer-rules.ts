import { QuietError } from '../../internal/http/quiet-error.ts'
import { TrailerFilter } from '../../internal/http/trailers.ts'
import type { NodeProblem } from '../../internal/nodes/peer.ts'
import { tlsProblemIn } from './tls-failures.ts'

/** What an operator reads of a node that speaks one version of HTTP and is registered with the other. */
export const SPEAKS_HTTP1 = 'speaks HTTP/1.1: register it without protocol (with TLS: https)'
export const SPEAKS_HTTP2 = 'speaks HTTP/2: register it with protocol grpc or h2c (with TLS: grpcs or h2)'
export const SPEAKS_TLS = 'speaks TLS: register it with protocol https, h2 or grpcs'

/** How a record begins with which a server of TLS complains about what is no TLS (RFC 8446 section 5.1). */
const TLS_ALERT = '\x15\x03'

/** Whether bytes, as latin1 text, are an answer of TLS. */
export function isTlsAlert(text: string): boolean {
  return text.startsWith(TLS_ALERT)
}

/** Names what a plain connection that ended without a byte may mean: some servers of TLS answer other bytes that way. */
export const ENDED_UNHEARD =
  'the node ended the connection without a byte; if it speaks TLS, register it with protocol https, h2 or grpcs'

const WRONG_PROTOCOL: ReadonlySet<string> = new Set([SPEAKS_HTTP1, SPEAKS_HTTP2, SPEAKS_TLS])

/** A node sent something that is not an answer, or that two readers could read differently. Has no stack. */
export class InvalidAnswer extends QuietError {
  override readonly name = 'InvalidAnswer'

  /** Whether the node speaks another protocol than the one that it is registered with. The message names the cure. */
  get isWrongProtocol(): boolean {
    return WRONG_PROTOCOL.has(this.message)
  }
}

/**
 * Returns what the cause of a failed try says of the node for all requests; undefined when it says nothing of the kind.
 *
 * @param hasAnswered whether the node has answered before
 */
export function problemIn(cause: unknown, hasAnswered: boolean): NodeProblem | undefined {
  if (cause instanceof Error && cause.message === ENDED_UNHEARD)
    return hasAnswered ? undefined : { kind: 'silent', reason: cause.message }
  if (!(cause instanceof InvalidAnswer)) return tlsProblemIn(cause)
  return cause.isWrongProtocol ? { kind: 'protocol', reason: cause.message } : undefined
}

/** Decides which trailers of nodes go to clients, in plain HTTP. */
export const answerTrailers = new TrailerFilter()

/**
 * Fields of nodes that never reach clients, in lower case: hop-by-hop fields (RFC 9110 section 7.6.1) that have no meaning for
 * us, and fields that the gateway alone sets.
 */
export const WITHHELD: readonly string[] = [
  ...['proxy-authenticate', 'proxy-authorization', 'te', 'upgrade'],
  ...['x-request-id', 'x-waygate-fallback'],
]

/** What must not be sent with a 1xx or a 204 (RFC 9110 section 8.6). */
export const CONTENT_LENGTH: ReadonlySet<string> = new Set(['content-length'])
