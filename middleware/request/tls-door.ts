import { normaliseHost } from '../../internal/http/authority.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { type Step, schemeOf } from '../../internal/policy.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'

export interface TlsDoorOptions {
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
 * Sends clients that use no TLS to the same address with TLS, and only for hosts that are served there: who chooses the
 * Host header must not choose where others are sent.
 */
export function createTlsDoor({ hasCertificate, port }: TlsDoorOptions): Step {
  return exchange => {
    if (schemeOf(exchange) === 'https') return undefined
    const { call, head, proxied } = exchange
    const host = normaliseHost(proxied?.host ?? head.host ?? '')
    if (!hasCertificate(host))
      throw new GatewayError('WG_MISDIRECTED', { detail: 'This host is not served with TLS.' })
    const at = port() === HTTPS_PORT ? host : `${host}:${port()}`
    return createWholeResponse(PERMANENT_REDIRECT, ['location', `https://${at}${call.target}`], NO_BODY)
  }
}
