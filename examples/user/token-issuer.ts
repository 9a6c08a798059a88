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
