import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readAltNames } from '../../internal/tls/alt-names.ts'

/** The texts of a certificate and its private key. */
export interface PairTexts {
  /** PEM: the certificate, then those of the authorities between it and the root. */
  readonly cert: string | Buffer
  /** PEM. */
  readonly key: string | Buffer
  /** Decrypts `key`; undefined = it is not encrypted. */
  readonly passphrase?: string | undefined
}

/** A signature takes 15 ms with so many bits, and 8 times as long with twice as many. */
const MAX_RSA_BITS = 8_192

/** A certificate with its private key, which belong together and can be used. */
export interface CertificatePair {
  /** Where it is from, for people: the path of the file, or the key in etcd. */
  readonly origin: string
  /** Hosts in lower case, which may begin with `*.`; IPv6 addresses are in brackets. There is at least one. */
  readonly names: readonly string[]
  /** Whether the key is one of elliptic curves, whose signatures cost a tenth of those of RSA. */
  readonly isElliptic: boolean
  /** When it begins and ends to be valid, milliseconds since 1970. */
  readonly validFrom: number
  readonly validUntil: number
  /** SHA-256 of the certificate in lower-case hexadecimal digits. */
  readonly fingerprint: string
  readonly cert: string
  readonly key: string
}

/**
 * Checks that a certificate and a key can be used together. Whether the certificate is valid now is left to the caller.
 *
 * @throws Error whose message says what is wrong, without the origin
 */
export function readCertificatePair({ cert, key, passphrase }: PairTexts, origin: string): CertificatePair {
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
  const names = [...hosts, ...addresses]
  if (names.length === 0) {
    throw new Error('the certificate has no name: clients look for it among the subject alternative names')
  }
  const pair: CertificatePair = {
    origin,
    names,
    isElliptic: isElliptic(privateKey),
    validFrom: certificate.validFromDate.getTime(),
    validUntil: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    cert: String(cert),
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
    throw new Error(`${what} cannot be used: ${explain(error as NodeJS.ErrnoException)}`)
  }
}

/** Says in plain words what OpenSSL means. */
function explain({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ERR_OSSL_PEM_NO_START_LINE' || /no start line|DECODER.*unsupported/.test(message))
    return 'it is not PEM'
  if (code === 'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED' || code === 'ERR_MISSING_PASSPHRASE')
    return 'it is encrypted, and there is no password for it'
  if (/bad decrypt|bad password read/i.test(message)) return 'the password does not decrypt it'
  return message.replace(/^error:[0-9A-F]+:/, '').replaceAll('::', ': ')
}
