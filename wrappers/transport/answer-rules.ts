import { QuietError } from '../../internal/http/quiet-error.ts'
import { TrailerFilter } from '../../internal/http/trailers.ts'

/** What an operator reads of a node that speaks one version of HTTP and is registered with the other. */
export const SPEAKS_HTTP1 = 'speaks HTTP/1.1: register it without protocol'
export const SPEAKS_HTTP2 = 'speaks HTTP/2: register it with protocol grpc or h2c'

/** A node sent something that is not an answer, or that two readers could read differently. Has no stack. */
export class InvalidAnswer extends QuietError {
  override readonly name = 'InvalidAnswer'

  /** Whether the node speaks another protocol than the one that it is registered with. The message names the cure. */
  get isWrongProtocol(): boolean {
    return this.message === SPEAKS_HTTP1 || this.message === SPEAKS_HTTP2
  }
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
