import { AUTHENTICATOR_NAMES, type AuthenticatorName } from '../../internal/routing/route.ts'
import { createApiKeyAuthenticator } from './api-key-authenticator.ts'
import type { Authenticator, Authenticators } from './authenticator.ts'
import { createBasicAuthenticator } from './basic-authenticator.ts'
import { createJwtAuthenticator } from './jwt-authenticator.ts'

/** Every authentication method, by the name that routes use for it. */
const AUTHENTICATORS = {
  jwt: createJwtAuthenticator,
  'api-key': createApiKeyAuthenticator,
  basic: createBasicAuthenticator,
} as const satisfies Record<AuthenticatorName, (options: never) => Authenticator>

/** The options of each authenticator; undefined = it is not configured. */
export type AuthenticatorsOptions = {
  readonly [Name in AuthenticatorName]: Parameters<(typeof AUTHENTICATORS)[Name]>[0] | undefined
}

export function createAuthenticators(options: AuthenticatorsOptions): Authenticators {
  const created: { -readonly [Name in AuthenticatorName]?: Authenticator } = {}
  for (const name of AUTHENTICATOR_NAMES) {
    const create = AUTHENTICATORS[name] as (options: unknown) => Authenticator
    if (options[name] !== undefined) created[name] = create(options[name])
  }
  return created
}
