import type { AuthenticatorName } from '../internal/route.ts'
import type { Authenticator, Authenticators } from './authenticator.ts'
import { createJwtAuthenticator } from './jwt-authenticator.ts'

/** Every way to tell who a request speaks for, by the name that routes call it. */
const AUTHENTICATORS = {
  jwt: createJwtAuthenticator,
} as const satisfies Partial<Record<AuthenticatorName, (options: never) => Authenticator>>

/** What each of them runs with; one that is not said is not there. */
export type AuthenticatorsOptions = {
  readonly [Name in keyof typeof AUTHENTICATORS]?: Parameters<(typeof AUTHENTICATORS)[Name]>[0] | undefined
}

export function createAuthenticators(options: AuthenticatorsOptions): Authenticators {
  const names = Object.keys(AUTHENTICATORS) as (keyof typeof AUTHENTICATORS)[]
  return Object.fromEntries(
    names.flatMap(name => {
      const create = AUTHENTICATORS[name] as (options: unknown) => Authenticator
      return options[name] === undefined ? [] : [[name, create(options[name])]]
    }),
  )
}
