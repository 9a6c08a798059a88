import type { Identity } from '../internal/call.ts'
import type { RequestHead } from '../internal/request-head.ts'

/** Tells who a request speaks for. */
export interface Authenticator {
  /** @throws GatewayError WG_TOKEN_MISSING, WG_TOKEN_INVALID or WG_TOKEN_EXPIRED, with WWW-Authenticate */
  authenticate(head: RequestHead): Identity
}
