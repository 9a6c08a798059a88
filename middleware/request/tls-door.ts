import { normaliseHost } from '../../internal/http/authority.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { type Step, schemeOf } from '../../internal/policy.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'

export interface TlsDoorOptions {
  /** Whether clients without TLS are sent to it; if not, they are served. */
  readonly redirects: boolean
  /** Returns whether a host is for clients with a certificate alone, which they cannot show without TLS. */
  readonly requiresCertificate: (host: string) => boolean
  /** Returns whether a certificate has the name of a host, so that its clients can use TLS. */
  readonly hasCertificate: (host: string) => boolean
  /** Returns the port for TLS. */
  readonly port: () => number
}

const NO_BODY = Buffer.alloc(0)
const HTTPS_PORT = 443
/** The method and the body stay as they are. */
const PERMANENT_REDIRECT = 308

/**
 * Decides about requests that came without TLS. They are refused for hosts that require client certificates. Others are sent
 * to the same address with TLS, and only for hosts that are served there: who chooses the Host header must not choose where
 * others are sent.
 */
export function createTlsDoor(options: TlsDoorOptions): Step {
  const { redirects, requiresCertificate, hasCertificate, port } = options
  return exchange => {
    const { call, head, proxied } = exchange
    if (call.tls !== undefined) return undefined
    const isRedirected = redirects && schemeOf(exchange) === 'http'
    // The route is found by what the client has sent, whatever a proxy says.
    if (!isRedirected && requiresCertificate(normaliseHost(head.host ?? '')))
      throw new GatewayError('WG_MISDIRECTED', { detail: 'This host needs a connection with TLS.' })
    if (!isRedirected) return undefined
    const host = normaliseHost(proxied?.host ?? head.host ?? '')
    if (!hasCertificate(host))
      throw new GatewayError('WG_MISDIRECTED', { detail: 'This host is not served with TLS.' })
    const at = port() === HTTPS_PORT ? host : `${host}:${port()}`
    return createWholeResponse(PERMANENT_REDIRECT, ['location', `https://${at}${call.target}`], NO_BODY)
  }
}
