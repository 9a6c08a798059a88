import { TrailerFilter } from '../../internal/http/trailers.ts'

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
