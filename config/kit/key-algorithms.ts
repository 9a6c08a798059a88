import type { KeyObject } from 'node:crypto'

/** The signature algorithms that a token may use (RFC 7518 section 3, RFC 8037); `none` is not one of them. */
export const ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const

export type Algorithm = (typeof ALGORITHMS)[number]

/** The algorithms that use a secret. */
export const HMAC: readonly Algorithm[] = ['HS256', 'HS384', 'HS512']
const RSA: readonly Algorithm[] = ['RS256', 'RS384', 'RS512']
const RSA_PSS: readonly Algorithm[] = ['PS256', 'PS384', 'PS512']
const CURVES: Readonly<Record<string, Algorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}
// RFC 7518 section 3.3.
const MIN_RSA_BITS = 2_048

/**
 * Returns the algorithms that a public or private key can verify or sign with.
 *
 * @throws TypeError for a key that fits no algorithm; the message describes the key and what to use instead
 */
export function possibleAlgorithms(key: KeyObject): readonly Algorithm[] {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS) {
    throw new TypeError(`an RSA key of ${modulusLength} bits; use at least ${MIN_RSA_BITS}`)
  }
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return [...RSA, ...RSA_PSS]
    case 'rsa-pss':
      return RSA_PSS
    case 'ed25519':
    case 'ed448':
      return ['EdDSA']
    default: {
      const curve = CURVES[namedCurve ?? '']
      if (curve !== undefined) return [curve]
      const type = namedCurve ?? key.asymmetricKeyType
      throw new TypeError(`a key of type ${type}; use RSA, P-256, P-384, P-521 or Ed25519`)
    }
  }
}

/** Describes the kind of a key, for people. */
export function kindOfKey(key: KeyObject): string {
  return `a key of type ${key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType}`
}
