import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readAltNames } from '../../internal/tls/alt-names.ts'
import type { NamedCertificate } from '../../internal/tls/certificate-table.ts'
import { explainPem } from '../../internal/tls/explain-pem.ts'
import type { ReadFile } from './file-contents.ts'
import { readPemText, readText } from './key-files.ts'

/** A certificate and its private key, as the paths of files. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
  /** Undefined = the key is not encrypted. */
  readonly keyPasswordFile?: string | undefined
}

/** The texts of a certificate and its private key. */
export interface PairTexts {
  /** PEM: the certificate, then those of the authorities between it and the root. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  /** Decrypts `key`; undefined = it is not encrypted. */
  readonly passphrase?: string | undefined
}

/** A signature takes 15 ms with so many bits, and 8 times as long with twice as many. */
const MAX_RSA_BITS = 8_192

/** A certificate with its private key, which belong together and can be used for TLS. */
export interface KeyPair extends NamedCertificate {
  /** SHA-256 of the certificate in lower-case hexadecimal digits. */
  readonly fingerprint: string
  readonly cert: string
  /** Not encrypted. */
  readonly key: string
}

/** A pair that clients can be served with: it has at least one name. */
export interface CertificatePair extends KeyPair {
  /** Where it is from, for people: the path of the file, or the key in etcd. */
  readonly origin: string
}

/**
 * Reads files for {@link readCertificatePair}.
 *
 * @throws Error whose message names the file and says what is wrong with it
 */
export function readCertificateFiles(files: CertificateFiles, readFile?: ReadFile): CertificatePair {
  return readFiles(files, readFile, texts => readCertificatePair(texts, files.cert))
}

/**
 * Reads files for {@link readKeyPair}.
 *
 * @throws Error whose message names the file and says what is wrong with it
 */
export function readKeyPairFiles(files: CertificateFiles, readFile?: ReadFile): KeyPair {
  return readFiles(files, readFile, readKeyPair)
}

function readFiles<Pair>(
  { cert, key, keyPasswordFile }: CertificateFiles,
  readFile: ReadFile | undefined,
  read: (texts: PairTexts) => Pair,
): Pair {
  const texts = {
    cert: readPemText(cert, readFile),
    key: readPemText(key, readFile),
    passphrase:
      keyPasswordFile === undefined ? undefined : readText(keyPasswordFile, readFile).replace(/\r?\n$/, ''),
  }
  try {
    return read(texts)
  } catch (error) {
    throw new Error(`${cert} with ${key}: ${(error as Error).message}`)
  }
}

/**
 * Checks that clients can be served with a certificate and a key. Whether the certificate is valid now is left to the caller.
 *
 * @throws Error whose message says what is wrong, without the origin
 */
export function readCertificatePair(texts: PairTexts, origin: string): CertificatePair {
  const pair = readKeyPair(texts)
  if (pair.names.length === 0) {
    throw new Error('the certificate has no name: clients look for it among the subject alternative names')
  }
  return { origin, ...pair }
}

/**
 * Checks that a certificate and a key can be used together. Whether the certificate is valid now is left to the caller.
 *
 * @throws Error whose message says what is wrong
 */
function readKeyPair({ cert, key, passphrase }: PairTexts): KeyPair {
  const certificate = parse('the certificate', () => new X509Certificate(cert))
  const { modulusLength: bits = 0 } =
    parse('the certificate', () => certificate.publicKey).asymmetricKeyDetails ?? {}
  if (bits > MAX_RSA_BITS) {
    throw new Error(
      `the key has ${bits} bits: with more than ${MAX_RSA_BITS}, each handshake would hold up all requests`,
    )
  }
  const privateKey = parse('the private key', () =>
    createPrivateKey(passphrase === undefined ? { key } : { key, passphrase }),
  )
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error('the private key is not that of the certificate')
  const { hosts, addresses } = readAltNames(certificate.subjectAltName)
  const pair: KeyPair = {
    names: [...hosts, ...addresses],
    isElliptic: isElliptic(privateKey),
    validFrom: certificate.validFromDate.getTime(),
    validUntil: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    cert,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
  // OpenSSL refuses some that can be read, such as an RSA key of 1,024 bits.
  parse('the certificate', () =>
    process.getBuiltinModule('node:tls').createSecureContext({ cert: pair.cert, key: pair.key }),
  )
  return pair
}

function isElliptic({ asymmetricKeyType }: KeyObject): boolean {
  return asymmetricKeyType === 'ec' || asymmetricKeyType === 'ed25519' || asymmetricKeyType === 'ed448'
}

function parse<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new Error(`${what} cannot be used: ${explainPem(error)}`)
  }
}
