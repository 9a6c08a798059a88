import { AUTHENTICATOR_NAMES, type AuthenticatorName } from '../../internal/routing/route.ts'
import { createApiKeyAuthenticator } from './api-key-authenticator.ts'
import type { Authenticator, Authenticators } from './authenticator.ts'
import { createBasicAuthenticator } from './basic-authenticator.ts'
import { createJwtAuthenticator } from './jwt-authenticator.ts'

/** Every way to tell who a request speaks for, by the name that routes call it. */
const AUTHENTICATORS = {
  jwt: createJwtAuthenticator,
  'api-key': createApiKeyAuthenticator,
  basic: createBasicAuthenticator,
} as const satisfies Record<AuthenticatorName, (options: never) => Authenticator>

/** What each of them runs with; one that is not said is not there. */
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
