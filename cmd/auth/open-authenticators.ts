import type { Keys } from '../../config/keys.ts'
import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { Authenticators } from '../../middleware/authenticator.ts'
import { createAuthenticators } from '../../middleware/authenticators.ts'
import { Jwks } from './jwks.ts'
import { jwtOptions } from './jwt-options.ts'

export interface OpenAuthenticatorsOptions {
  readonly config: Config
  readonly keys: Keys
  readonly logger: Logger
}

/** Everything that tells who a request speaks for. Whoever opened it calls `close()`. */
export interface OpenAuthenticators {
  readonly authenticators: Authenticators
  close(): void
}

/** Puts the configured authenticators together, and begins to fetch the keys that they need. */
export function openAuthenticators({ config, keys, logger }: OpenAuthenticatorsOptions): OpenAuthenticators {
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
    authenticators: createAuthenticators({ jwt }),
    close() {
      for (const set of sets) set.close()
    },
  }
}
