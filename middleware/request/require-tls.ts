import { normaliseHost } from '../../internal/http/authority.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { askedHostOf, type Step, schemeOf } from '../../internal/policy.ts'
import { redirectToTls } from '../../internal/redirect-to-tls.ts'

export interface RequireTlsOptions {
  /** Whether clients without TLS are sent to it; if not, they are served. */
  readonly redirects: boolean
  /** Returns whether a host is for clients with a certificate alone. */
  readonly requiresCertificate: (host: string) => boolean
  /** Returns whether a certificate has the name of a host, so that its clients can use TLS. */
  readonly hasCertificate: (host: string) => boolean
  /** Returns the port for TLS. */
  readonly port: () => number
}

/**
 * Refuses requests for hosts that require client certificates if their connection has none. The host that a trusted proxy
 * reports counts like the one in the request: routes are found by the latter, and nodes are told the former.
 *
 * Redirects other requests without TLS to the same address with TLS, and only for hosts that are served there: who chooses
 * the Host header must not choose where others are sent.
 */
export function createRequireTls(options: RequireTlsOptions): Step {
  const { redirects, requiresCertificate, hasCertificate, port } = options
  const isClosed = (host: string | undefined) => requiresCertificate(normaliseHost(host ?? ''))
  return exchange => {
    const { call, head, proxied } = exchange
    const { tls } = call
    // The host in the request was compared with the TLS of its connection when the head was read.
    if (tls !== undefined && proxied === undefined) return undefined
    if (tls === undefined && redirects && schemeOf(exchange) === 'http') {
      const host = normaliseHost(askedHostOf(exchange) ?? '')
      if (!hasCertificate(host))
        throw new GatewayError('WG_MISDIRECTED', { detail: 'This host is not served with TLS.' })
      return redirectToTls(exchange, port())
    }
    if (tls?.certificate === undefined && (isClosed(head.host) || isClosed(askedHostOf(exchange))))
      throw new GatewayError('WG_MISDIRECTED', { detail: 'This host needs TLS with a client certificate.' })
    return undefined
  }
}
