import type { Call, Identity } from '../../internal/call.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { AuthenticatorName } from '../../internal/routing/route.ts'

/** Tells who a request speaks for. */
export interface Authenticator {
  /**
   * What a client is told that shows nothing of the kind, or not enough: a challenge of WWW-Authenticate
   * (RFC 9110 section 11.6.1).
   */
  readonly challenge: string
  /**
   * At once where it can, which is nearly always; later where keys must be fetched or a password hashed. What it
   * takes from the request because no node may see it, it takes from `head.headers` and `call.target`.
   *
   * @throws GatewayError WG_TOKEN_MISSING, WG_TOKEN_INVALID or WG_TOKEN_EXPIRED, with WWW-Authenticate, or
   *   WG_AUTH_UNAVAILABLE; a promise rejects with the same
   */
  authenticate(head: RequestHead, call: Call): Identity | Promise<Identity>
  /**
   * Takes all of its kind from the request unjudged, where another way is the one that counts: what no way has answered
   * for, no node may see or believe.
   */
  withhold(head: RequestHead, call: Call): void
}

/** Those that are configured. */
export type Authenticators = { readonly [Name in AuthenticatorName]?: Authenticator | undefined }
