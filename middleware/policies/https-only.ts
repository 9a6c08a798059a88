import { normaliseHost } from '../../internal/http/authority.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { getCookie, getHeader } from '../../internal/http/header-lines.ts'
import { parameterName, queryOf } from '../../internal/http/query.ts'
import { askedHostOf, type Exchange, type Policy, schemeOf } from '../../internal/policy.ts'
import { HTTPS_PORT, redirectToTls } from '../../internal/redirect-to-tls.ts'
import type { CredentialPlaces, CredentialTools } from './credential-places.ts'

/** `port`: where clients find TLS. Default: 443. */
export type HttpsOnlyRule = true | { readonly port?: number | undefined }

const REFUSED = new GatewayError('WG_HTTPS_REQUIRED', { cause: new Error('the request came without TLS') })

/**
 * Refuses requests without TLS. Browsers that ask for a page are sent to TLS. A request with a secret is not, because the
 * secret has crossed the network already, and a redirect would hide that from the one who sent it.
 */
export function createHttpsOnly(rule: HttpsOnlyRule, { credentialPlaces }: CredentialTools): Policy {
  const { port = HTTPS_PORT } = rule === true ? {} : rule
  return {
    onRequest: exchange => {
      if (schemeOf(exchange) === 'https') return undefined
      const host = normaliseHost(askedHostOf(exchange) ?? '')
      if (!isSafe(exchange) || exchange.isWebSocket || host === '' || hasSecret(exchange, credentialPlaces)) {
        throw REFUSED
      }
      return redirectToTls(exchange, port)
    },
  }
}

function isSafe({ call }: Exchange): boolean {
  return call.method === 'GET' || call.method === 'HEAD'
}

function hasSecret({ call, head }: Exchange, places: CredentialPlaces): boolean {
  const { keyHeader, tokenCookie, tokenParameter } = places
  if (head.authorization !== undefined) return true
  if (keyHeader !== undefined && getHeader(head.headers, keyHeader) !== undefined) return true
  if (tokenCookie !== undefined && getCookie(head.headers, tokenCookie) !== undefined) return true
  if (tokenParameter === undefined) return false
  return queryOf(call.target)
    .split('&')
    .some(pair => parameterName(pair) === tokenParameter)
}
