import { hash } from 'node:crypto'
import type { Identity } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { takeHeader } from '../../internal/http/header-lines.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { Authenticator } from './authenticator.ts'

export interface ApiKey {
  readonly identity: Identity
  /** Milliseconds since 1970 from which it is no longer accepted. */
  readonly acceptedUntil: number
}

/** The API keys that there are. */
export interface ApiKeys {
  /** False while it is not known yet which they are. */
  readonly isLoaded: boolean
  /** @param sha256 in lower-case hexadecimal digits */
  get(sha256: string): ApiKey | undefined
}

export interface ApiKeyAuthenticatorOptions {
  readonly apiKeys: ApiKeys
  /** The header that a key is sent in, in lower case. */
  readonly header: string
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const MAX_KEY_BYTES = 512

/**
 * Knows callers by API keys. Only the SHA-256 of a key is ever kept, and it is what keys are looked up by: how long
 * that takes tells nothing of a key that is not known whole. So fast a hash is enough since keys are random, at 256
 * bits; it costs 1 µs. A key that was accepted is not forwarded.
 */
export function createApiKeyAuthenticator({
  apiKeys,
  header,
  now = Date.now,
}: ApiKeyAuthenticatorOptions): Authenticator {
  const challenge = `ApiKey realm="waygate", header="${header}"`
  const headers = { 'www-authenticate': challenge }

  function refusal(code: 'WG_TOKEN_INVALID' | 'WG_TOKEN_EXPIRED', reason: string): GatewayError {
    const detail = code === 'WG_TOKEN_EXPIRED' ? 'The API key has expired.' : 'The API key was not accepted.'
    return new GatewayError(code, { detail, cause: new TypeError(reason), headers })
  }

  return {
    challenge,
    authenticate(head: RequestHead): Identity {
      const key = takeHeader(head.headers, header)
      if (key === undefined) {
        throw new GatewayError('WG_TOKEN_MISSING', { detail: 'This route needs an API key.', headers })
      }
      if (!apiKeys.isLoaded) {
        throw new GatewayError('WG_AUTH_UNAVAILABLE', {
          cause: new Error('the API keys have not come yet'),
          headers: { 'retry-after': '1' },
        })
      }
      // Also what two headers are read as: no key has a comma and a space.
      if (key.length > MAX_KEY_BYTES) throw refusal('WG_TOKEN_INVALID', 'the API key is too long')
      const known = apiKeys.get(hash('sha256', key, 'hex'))
      if (!known) throw refusal('WG_TOKEN_INVALID', 'the API key is not known')
      if (now() >= known.acceptedUntil) throw refusal('WG_TOKEN_EXPIRED', 'the API key has expired')
      return known.identity
    },
    withhold(head: RequestHead): void {
      takeHeader(head.headers, header)
    },
  }
}
