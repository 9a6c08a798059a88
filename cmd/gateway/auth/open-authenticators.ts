import type { Users } from '../../../config/keys/users.ts'
import type { Config } from '../../../config/schema.ts'
import type { Logger } from '../../../discovery/logger.ts'
import type { AuthenticatorName } from '../../../internal/routing/route.ts'
import type { Authenticator, Authenticators } from '../../../middleware/auth/authenticator.ts'
import { type AuthenticatorsOptions, createAuthenticators } from '../../../middleware/auth/authenticators.ts'
import type { BasicUser } from '../../../middleware/auth/basic-authenticator.ts'
import { createGrantReader } from '../../../middleware/auth/claims.ts'
import type { MtlsAuthenticatorOptions } from '../../../middleware/auth/mtls-authenticator.ts'
import type { Inputs, Live, Settings } from '../settings.ts'
import type { Jwks } from './jwks.ts'
import { jwtOptions } from './jwt-options.ts'
import { KeySets } from './key-sets.ts'
import type { LiveCredentials } from './live-credentials.ts'

/** The running authenticators. The caller of `openAuthenticators` calls `close()`. */
export interface OpenAuthenticators extends Live<Authenticators> {
  close(): void
}

const NONE: AuthenticatorsOptions = {
  jwt: undefined,
  'api-key': undefined,
  basic: undefined,
  mtls: undefined,
}

/**
 * Creates the configured authenticators, and starts to fetch the keys that they need. After a reload, an authenticator is another
 * one if what it is made of has changed. Then it remembers none of the credentials that the one before has accepted, so that
 * those of a key or a user that is gone count no more.
 */
export async function openAuthenticators(
  settings: Settings,
  credentials: LiveCredentials,
  logger: Logger,
): Promise<OpenAuthenticators> {
  const keySets = new KeySets(logger)
  const jwt = await settings.open({
    of: ({ config, keys }) => [config.jwt, keys.jwt, keys.formerJwt, keys.issuers],
    async open(inputs) {
      const sets: Jwks[] = []
      try {
        const options = jwtOptions(inputs.config, inputs.keys, issuer => {
          const set = keySets.open(issuer, inputs.config)
          sets.push(set)
          return set
        })
        // A reload waits for the first keys, so that no token is refused for want of them.
        if (inputs !== settings)
          await Promise.all(sets.map(set => (set.isLoaded ? undefined : set.refresh())))
        const { enabled } = inputs.config.jwt.revocations
        const authenticator = await create(
          'jwt',
          options && { ...options, revocations: enabled ? credentials.revocations : undefined },
        )
        return { sets, authenticator }
      } catch (error) {
        keySets.close(sets)
        throw error
      }
    },
    close: ({ sets }) => keySets.close(sets),
  })
  const apiKey = await settings.open({
    of: ({ config }) => config.apiKeys,
    open: ({ config: { apiKeys } }) =>
      create(
        'api-key',
        apiKeys.enabled ? { apiKeys: credentials.apiKeys, header: apiKeys.header.toLowerCase() } : undefined,
      ),
  })
  const mtls = await settings.open({
    of: ({ config }) => [config.tls.clientAuth, grantsOf(config)],
    open: ({ config }) => create('mtls', config.tls.clientAuth && { identityOf: certificateReader(config) }),
  })
  const basic = await settings.open({
    of: ({ config, keys }) => [keys.users, config.jwt.cacheSize, grantsOf(config)],
    open: ({ config, keys }: Inputs) =>
      create('basic', keys.users && { users: usersOf(keys.users, config), cacheSize: config.jwt.cacheSize }),
  })
  const all = settings.derive<Authenticators>(() => ({
    jwt: jwt.current.authenticator,
    'api-key': apiKey.current,
    mtls: mtls.current,
    basic: basic.current,
  }))
  return {
    get current() {
      return all.current
    },
    close: () => keySets.close(jwt.current.sets),
  }
}

/** @param options undefined = it is not configured */
async function create<Name extends AuthenticatorName>(
  name: Name,
  options: AuthenticatorsOptions[Name],
): Promise<Authenticator | undefined> {
  return (await createAuthenticators({ ...NONE, [name]: options }))[name]
}

/** Returns what identities are read with. */
function grantsOf({ jwt: { claimHeaders, rolesClaim, scopeClaim } }: Config): object {
  return { claimHeaders, rolesClaim, scopeClaim }
}

function certificateReader({ jwt }: Config): MtlsAuthenticatorOptions['identityOf'] {
  const readGrants = createGrantReader(jwt)
  return (subject, claims) => readGrants(subject, { claims })
}

function usersOf(users: Users, { jwt }: Config): ReadonlyMap<string, BasicUser> {
  const readGrants = createGrantReader(jwt)
  return new Map(
    [...users].map(([name, { password, ...grants }]) => [
      name,
      { password, identity: readGrants(name, grants) },
    ]),
  )
}
