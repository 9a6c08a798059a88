import { type CertificatePair, readCertificatePair } from './certificate-pair.ts'
import { seal, unseal } from './sealed-key.ts'

/** How private keys in etcd are read and written. */
export interface KeySealing {
  /** 32 bytes; undefined = there is none. */
  readonly sealKey: Buffer | undefined
  /** Whether keys that are not sealed are used. */
  readonly plainKeys: boolean
}

/** The value of a certificate in etcd, before it is made JSON. */
export type CertificateDocument =
  | { readonly cert: string; readonly sealedKey: string }
  | { readonly cert: string; readonly key: string }

const FIELDS = ['cert', 'key', 'sealedKey']
/** A key of 8,192 bits has 7,000 characters, sealed and in base64 a third more. */
const MAX_KEY_CHARACTERS = 16_384
const MAX_CERT_CHARACTERS = 65_536
const NO_KEY = 'needs one of sealedKey and key'

/**
 * Reads the value of a certificate in etcd: `{"cert": PEM, "sealedKey": base64}`, or `{"cert": PEM, "key": PEM}`. Errors
 * never show what is in it.
 *
 * @param name the name of the certificate, under which its key is sealed
 * @param origin where it is from, for people
 * @throws Error whose message says what is wrong
 */
export function readCertificateDocument(
  document: Readonly<Record<string, unknown>>,
  name: string,
  origin: string,
  { sealKey, plainKeys }: KeySealing,
): CertificatePair {
  const other = Object.keys(document).find(field => !FIELDS.includes(field))
  if (other !== undefined) throw new Error(`must have no field but ${FIELDS.join(', ')}`)
  const cert = readCert(document)
  const key = textOf(document, 'key', MAX_KEY_CHARACTERS)
  const sealedKey = textOf(document, 'sealedKey', MAX_KEY_CHARACTERS)
  if (sealedKey === undefined) {
    if (key === undefined) throw new Error(NO_KEY)
    if (!plainKeys) {
      throw new Error(
        'key is not sealed, and tls.plainKeys is false: write it with waygate certificate put, which seals it',
      )
    }
    return readCertificatePair({ cert, key }, origin)
  }
  if (key !== undefined) throw new Error(`${NO_KEY}, not both`)
  if (sealKey === undefined) throw new Error('sealedKey cannot be read: tls.sealKeyFile is not set')
  let opened: string
  try {
    opened = unseal(sealedKey, name, sealKey)
  } catch (error) {
    throw new Error(`sealedKey ${(error as Error).message}`)
  }
  return readCertificatePair({ cert, key: opened }, origin)
}

/** Returns the PEM of the certificate in a value. @throws Error whose message says what is wrong */
export function readCert(document: Readonly<Record<string, unknown>>): string {
  const cert = textOf(document, 'cert', MAX_CERT_CHARACTERS)
  if (cert === undefined) throw new Error('cert is missing')
  return cert
}

/**
 * Makes the value of a certificate in etcd. Its key is sealed if there is a seal key.
 *
 * @throws Error when there is none, and keys must be sealed
 */
export function writeCertificateDocument(
  { cert, key }: Pick<CertificatePair, 'cert' | 'key'>,
  name: string,
  { sealKey, plainKeys }: KeySealing,
): CertificateDocument {
  if (sealKey !== undefined) return { cert, sealedKey: seal(key, name, sealKey) }
  if (plainKeys) return { cert, key }
  throw new Error(
    'there is no key to seal the private key with: set tls.sealKeyFile, whose file openssl rand -base64 32 writes',
  )
}

function textOf(
  document: Readonly<Record<string, unknown>>,
  field: string,
  maxLength: number,
): string | undefined {
  const value = document[field]
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw new Error(`${field} must be a string`)
  if (value.length > maxLength) {
    throw new Error(`${field} has ${value.length} characters, and more than ${maxLength} are not read`)
  }
  return value
}
