import type { Call, Identity } from '../../internal/call.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { AuthenticatorName } from '../../internal/routing/route.ts'

/** One authentication method: determines the identity behind a request. */
export interface Authenticator {
  /**
   * The challenge of WWW-Authenticate for a client that sent no credentials of this kind (RFC 9110 section 11.6.1).
   */
  readonly challenge: string
  /**
   * Checks the credentials of a request. Returns the identity synchronously wherever possible, which is nearly always,
   * and a promise where keys must be fetched or a password hashed. Credentials that no node may see are removed from
   * `head.headers` and `call.target`.
   *
   * @throws GatewayError WG_TOKEN_MISSING, WG_TOKEN_INVALID or WG_TOKEN_EXPIRED, with WWW-Authenticate, or
   *   WG_AUTH_UNAVAILABLE or WG_OVERLOADED with Retry-After; a promise rejects with the same errors
   */
  authenticate(head: RequestHead, call: Call): Identity | Promise<Identity>
  /**
   * Removes every credential of this kind from the request without checking it. Called when another authenticator has
   * succeeded: a node must neither see nor trust credentials that nothing has verified.
   */
  withhold(head: RequestHead, call: Call): void
}

/** The configured authenticators, by name. */
export type Authenticators = { readonly [Name in AuthenticatorName]?: Authenticator | undefined }
