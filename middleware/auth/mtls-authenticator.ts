import type { Call, Identity } from '../../internal/call.ts'
import type { Claims } from '../../internal/claim-path.ts'
import type { ClientCertificate } from '../../internal/http/client-tls.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { Authenticator } from './authenticator.ts'

export interface MtlsAuthenticatorOptions {
  /** Makes the identity of a subject that has these claims. */
  readonly identityOf: (subject: string, claims: Claims) => Identity
}

const CHALLENGE = 'Certificate realm="waygate"'

/**
 * Creates the authenticator for client certificates, which were verified when the client connected. Rules see the subject
 * and the names of a certificate as the claims `subject` and `sans`.
 */
export function createMtlsAuthenticator({ identityOf }: MtlsAuthenticatorOptions): Authenticator {
  /** A connection has one certificate for all of its requests. */
  const identities = new WeakMap<ClientCertificate, Identity>()

  return {
    challenge: CHALLENGE,
    authenticate(_head: RequestHead, { tls }: Call): Identity {
      const certificate = tls?.certificate
      if (certificate === undefined) {
        throw new GatewayError('WG_CERTIFICATE_REQUIRED', { headers: { 'www-authenticate': CHALLENGE } })
      }
      let identity = identities.get(certificate)
      if (identity === undefined) {
        const { id, names, subject } = certificate
        identity = identityOf(id, { subject, sans: [...names] })
        identities.set(certificate, identity)
      }
      return identity
    },
    // What a node is told of the certificate is true whoever the client is.
    withhold() {},
  }
}
