import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto'
import { type Algorithm, kindOfKey, possibleAlgorithms } from './key-algorithms.ts'
import { isTree } from './values.ts'

/** A public key that verifies signatures, read from a JWK. */
export interface JwkKey {
  readonly key: KeyObject
  readonly algorithms: readonly Algorithm[]
  readonly keyId: string | undefined
}

/**
 * Reads a JWK (RFC 7517 section 4). A JWK with `alg` is used for that algorithm only, one without for every algorithm
 * that fits its kind of key.
 *
 * @param allowed the algorithms that may be used; undefined = all
 * @throws TypeError that says what is wrong, also for a valid key that is not for verifying signatures
 */
export function readJwk(jwk: unknown, allowed?: readonly Algorithm[] | undefined): JwkKey {
  if (!isTree(jwk)) throw new TypeError('is not an object')
  const { kty, use, key_ops: operations, kid, alg, d } = jwk
  if (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP') throw new TypeError('is not of kty RSA, EC or OKP')
  if (use !== undefined && use !== 'sig') throw new TypeError('is not for signatures (use)')
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    throw new TypeError('is not for verifying (key_ops)')
  }
  if (kid !== undefined && typeof kid !== 'string') throw new TypeError('has a kid that is not a string')
  if (d !== undefined) throw new TypeError('is a private key, which must not be published')
  const key = publicKey(jwk)
  const possible = algorithmsOf(key)
  if (alg !== undefined && !possible.includes(alg as Algorithm)) {
    throw new TypeError(`is ${kindOfKey(key)}, which does not fit its alg`)
  }
  const algorithms = possible.filter(
    each => (alg === undefined || each === alg) && (allowed === undefined || allowed.includes(each)),
  )
  if (algorithms.length === 0) throw new TypeError('fits none of the allowed algorithms')
  return { key, algorithms, keyId: kid }
}

function publicKey(jwk: webcrypto.JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    throw new TypeError('is not a public key')
  }
}

function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  try {
    return possibleAlgorithms(key)
  } catch (error) {
    throw new TypeError(`is ${(error as Error).message}`)
  }
}
