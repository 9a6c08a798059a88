import { createSecretKey } from 'node:crypto'
import jwt from 'jsonwebtoken'

export interface TokenIssuerOptions {
  /** The secret with which the gateway verifies tokens. */
  readonly secret: string
  readonly issuer?: string | undefined
  readonly audience?: string | undefined
  /** How long a token is valid. Default 3,600. */
  readonly expiresInSeconds?: number
}

export interface IssuedToken {
  readonly token: string
  /** How long the token is valid, in seconds. */
  readonly expiresIn: number
}

/**
 * Reads how tokens are signed from the variables that configure the gateway too.
 *
 * @throws Error when there is no secret
 */
export function readTokenOptions(env: NodeJS.ProcessEnv): TokenIssuerOptions {
  const { WAYGATE_JWT_SECRET: secret, WAYGATE_JWT_ISSUER, WAYGATE_JWT_AUDIENCE } = env
  if (!secret) {
    throw new Error(
      'WAYGATE_JWT_SECRET is not set; set it to the secret with which the gateway verifies tokens',
    )
  }
  // The gateway may accept several, separated by commas. A token contains one.
  const issuer = WAYGATE_JWT_ISSUER?.split(',')[0]?.trim()
  const audience = WAYGATE_JWT_AUDIENCE?.split(',')[0]?.trim()
  return { secret, issuer, audience }
}

/** Signs tokens (RFC 7519) with HS256. Their `sub` is the user. */
export class TokenIssuer {
  readonly #key
  readonly #expiresIn: number
  readonly #claims: jwt.SignOptions

  /** @throws Error when the secret is empty */
  constructor({ secret, issuer, audience, expiresInSeconds = 3_600 }: TokenIssuerOptions) {
    if (secret === '') throw new Error('the secret for signing tokens must not be empty')
    this.#key = createSecretKey(secret, 'utf8')
    this.#expiresIn = expiresInSeconds
    this.#claims = { ...(issuer && { issuer }), ...(audience && { audience }) }
  }

  issue(subject: string): IssuedToken {
    const token = jwt.sign({}, this.#key, {
      ...this.#claims,
      algorithm: 'HS256',
      subject,
      expiresIn: this.#expiresIn,
    })
    return { token, expiresIn: this.#expiresIn }
  }
}
