import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'

/** The secret that signs the HS256 tokens of the benchmark. */
export const SECRET = 'a secret for the benchmark, of more than 32 bytes'

/** Returns HS256 tokens, each with another subject, valid for a day. */
export function signTokens(count: number): string[] {
  return Array.from({ length: count }, (_, i) => sign(i, createSecretKey(SECRET, 'utf8'), 'HS256'))
}

/** Returns an RS256 token and the public key that verifies it (PEM). */
export function signRsaToken(): { readonly token: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  return {
    token: sign(0, privateKey, 'RS256'),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
  }
}

function sign(i: number, key: KeyObject, algorithm: 'HS256' | 'RS256'): string {
  return jwt.sign({ sub: `bench-${i}` }, key, { algorithm, expiresIn: '1d' })
}
