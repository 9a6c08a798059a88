import { verify as verifyBytes } from 'node:crypto'
import jwt from 'jsonwebtoken'
import type { VerificationKey } from './key-source.ts'
import type { Jws } from './token-form.ts'

/**
 * Checks the signature of a token with jsonwebtoken, or with OpenSSL for EdDSA (RFC 8037), which jsonwebtoken does not
 * support.
 *
 * @throws Error with the reason, for the log
 */
export function verifySignature({ token, algorithm }: Jws, { key, algorithms }: VerificationKey): void {
  if (!algorithms.includes(algorithm)) throw new TypeError('the key is not for the algorithm of the token')
  if (algorithm !== 'EdDSA') {
    // Claims are checked in claim-rules.ts, for all algorithms alike.
    const only = [algorithm as jwt.Algorithm]
    jwt.verify(token, key, { algorithms: only, ignoreExpiration: true, ignoreNotBefore: true })
    return
  }
  const end = token.lastIndexOf('.')
  const signature = Buffer.from(token.slice(end + 1), 'base64url')
  if (!verifyBytes(null, Buffer.from(token.slice(0, end)), key, signature)) {
    throw new TypeError('invalid signature')
  }
}
