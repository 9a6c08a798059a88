import { AUTHENTICATOR_NAMES, type AuthenticatorName } from '../../internal/routing/route.ts'
import type { Authenticator, Authenticators } from './authenticator.ts'

/** Every authentication method, by the name that routes use for it. Only those that are configured are loaded. */
const AUTHENTICATORS = {
  jwt: async () => (await import('./jwt-authenticator.ts')).createJwtAuthenticator,
  'api-key': async () => (await import('./api-key-authenticator.ts')).createApiKeyAuthenticator,
  basic: async () => (await import('./basic-authenticator.ts')).createBasicAuthenticator,
  mtls: async () => (await import('./mtls-authenticator.ts')).createMtlsAuthenticator,
} as const satisfies Record<AuthenticatorName, () => Promise<(options: never) => Authenticator>>

/** The options of each authenticator; undefined = it is not configured. */
export type AuthenticatorsOptions = {
  readonly [Name in AuthenticatorName]:
    | Parameters<Awaited<ReturnType<(typeof AUTHENTICATORS)[Name]>>>[0]
    | undefined
}

export async function createAuthenticators(options: AuthenticatorsOptions): Promise<Authenticators> {
  const created: { -readonly [Name in AuthenticatorName]?: Authenticator } = {}
  for (const name of AUTHENTICATOR_NAMES) {
    if (options[name] === undefined) continue
    const create = (await AUTHENTICATORS[name]()) as (options: unknown) => Authenticator
    created[name] = create(options[name])
  }
  return created
}
