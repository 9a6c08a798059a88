import type { Keys } from '../../../config/keys/keys.ts'
import type { Users } from '../../../config/keys/users.ts'
import type { Config } from '../../../config/schema.ts'
import type { Logger } from '../../../discovery/logger.ts'
import type { Authenticators } from '../../../middleware/auth/authenticator.ts'
import { createAuthenticators } from '../../../middleware/auth/authenticators.ts'
import type { BasicUser } from '../../../middleware/auth/basic-authenticator.ts'
import { createGrantReader } from '../../../middleware/auth/claims.ts'
import type { MtlsAuthenticatorOptions } from '../../../middleware/auth/mtls-authenticator.ts'
import { Jwks } from './jwks.ts'
import { jwtOptions } from './jwt-options.ts'
import type { LiveCredentials } from './live-credentials.ts'

export interface OpenAuthenticatorsOptions {
  readonly config: Config
  readonly keys: Keys
  readonly credentials: LiveCredentials
  readonly logger: Logger
}

/** The running authenticators. The caller of `openAuthenticators` calls `close()`. */
export interface OpenAuthenticators {
  readonly authenticators: Authenticators
  close(): void
}

/** Creates the configured authenticators, and starts to fetch the keys that they need. */
export async function openAuthenticators({
  config,
  keys,
  credentials,
  logger,
}: OpenAuthenticatorsOptions): Promise<OpenAuthenticators> {
  const sets: Jwks[] = []
  const jwt = jwtOptions(config, keys, ({ jwksUrl, algorithms }) => {
    const set = new Jwks({
      url: jwksUrl!,
      algorithms,
      refreshMs: config.jwt.jwks.refreshSeconds * 1000,
      cooldownMs: config.jwt.jwks.cooldownSeconds * 1000,
      logger,
    })
    sets.push(set)
    return set
  })
  for (const set of sets) set.start()
  return {
    authenticators: await createAuthenticators({
      jwt: jwt && {
        ...jwt,
        revocations: config.jwt.revocations.enabled ? credentials.revocations : undefined,
      },
      'api-key': config.apiKeys.enabled
        ? { apiKeys: credentials.apiKeys, header: config.apiKeys.header.toLowerCase() }
        : undefined,
      mtls: config.tls.clientAuth && { identityOf: certificateReader(config) },
      basic: keys.users && { users: usersOf(keys.users, config), cacheSize: config.jwt.cacheSize },
    }),
    close() {
      for (const set of sets) set.close()
    },
  }
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
