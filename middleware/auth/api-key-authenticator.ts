import { hash } from 'node:crypto'
import type { Identity } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { removeHeaders, takeHeader } from '../../internal/http/header-lines.ts'
import type { RequestHead } from '../../internal/http/request-head.ts'
import type { Authenticator } from './authenticator.ts'

export interface ApiKey {
  readonly identity: Identity
  /** When the key expires, milliseconds since 1970. */
  readonly acceptedUntil: number
}

/** The API keys that are known, by their hash. */
export interface ApiKeys {
  /** False until the keys have been read for the first time. */
  readonly isLoaded: boolean
  /** @param sha256 in lower-case hexadecimal digits */
  get(sha256: string): ApiKey | undefined
}

export interface ApiKeyAuthenticatorOptions {
  readonly apiKeys: ApiKeys
  /** The header that carries the key, in lower case. */
  readonly header: string
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

const MAX_KEY_BYTES = 512

/**
 * Creates the authenticator for API keys. Keys are stored and looked up by their SHA-256, so the time that a look-up
 * takes reveals nothing about a key that is only partly known. A hash this fast (1 µs) is sufficient because keys are
 * random (256 bits). The key is removed from the request, so the node does not see it.
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

  function isSpelledAlike(spelling: string): boolean {
    return spelling.length === header.length && spelling.toLowerCase().replaceAll('_', '-') === header
  }

  /** Removes every key from a request, and returns those in the header. */
  function takeKeys({ headers: lines }: RequestHead): string | undefined {
    const key = takeHeader(lines, header)
    // A server behind us that reads `_` as `-` must not find another key than the one that was checked.
    removeHeaders(lines, isSpelledAlike)
    return key
  }

  return {
    challenge,
    authenticate(head: RequestHead): Identity {
      const key = takeKeys(head)
      if (key === undefined) {
        throw new GatewayError('WG_TOKEN_MISSING', { detail: 'This route needs an API key.', headers })
      }
      if (!apiKeys.isLoaded) {
        throw new GatewayError('WG_AUTH_UNAVAILABLE', {
          cause: new Error('the API keys are not loaded yet'),
          headers: { 'retry-after': '1' },
        })
      }
      // A key sent twice is refused as unknown below: two headers are joined by a comma and a space.
      if (key.length > MAX_KEY_BYTES) throw refusal('WG_TOKEN_INVALID', 'the API key is too long')
      const known = apiKeys.get(hash('sha256', key, 'hex'))
      if (!known) throw refusal('WG_TOKEN_INVALID', 'the API key is unknown')
      if (now() >= known.acceptedUntil) throw refusal('WG_TOKEN_EXPIRED', 'the API key has expired')
      return known.identity
    },
    withhold(head: RequestHead): void {
      takeKeys(head)
    },
  }
}
