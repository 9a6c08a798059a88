import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type ReadFile, reasonOf } from './file-contents.ts'
import type { Algorithm } from './jwt-schema.ts'
import type { Finding, Path } from './problem.ts'
import type { Config } from './schema.ts'

/** A key and the algorithms it may be used with, the first of which is the one to sign with. */
export interface JwtKey {
  readonly key: KeyObject
  readonly algorithms: readonly Algorithm[]
}

/** TLS material for etcd, PEM. */
interface EtcdTls {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

/** What the key files of a configuration hold. */
export interface Keys {
  /** Verifies tokens; undefined when no key is configured. */
  readonly jwt?: JwtKey
  /** Signs sticky cookies; undefined when no secret is configured. */
  readonly stickyCookie?: KeyObject
  /** Present when any of `etcd.ca`, `etcd.cert`, `etcd.key` is. */
  readonly etcdTls?: EtcdTls
}

/** Where a key loader says what is wrong and what is doubtful. */
export interface Findings {
  readonly problems: Finding[]
  readonly warnings: string[]
  /** Where files are read. Default: the disk. */
  readonly readFile?: ReadFile | undefined
}

// RFC 7518 section 3.2: a key of the same size as the hash output or larger.
const MIN_SECRET_BYTES = 32
// RFC 7518 section 3.3.
const MIN_RSA_BITS = 2_048
const HMAC: readonly Algorithm[] = ['HS256', 'HS384', 'HS512']
const RSA: readonly Algorithm[] = ['RS256', 'RS384', 'RS512']
const RSA_PSS: readonly Algorithm[] = ['PS256', 'PS384', 'PS512']
const CURVES: Readonly<Record<string, Algorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
}

/** Reads every key file that the gateway needs, so that a bad one is found at start. */
export function loadKeys(config: Pick<Config, 'jwt' | 'etcd' | 'routes'>, findings: Findings): Keys {
  const jwt = loadVerificationKey(config.jwt, findings)
  const etcdTls = loadEtcdTls(config.etcd, findings)
  const cookieSecret = readSecret(config.routes.stickyCookie, ['routes', 'stickyCookie'], findings)
  const stickyCookie = cookieSecret && createSecretKey(cookieSecret)
  return { ...(jwt && { jwt }), ...(etcdTls && { etcdTls }), ...(stickyCookie && { stickyCookie }) }
}

/** The key that `waygate token` signs with: the private key, else the secret. */
export function loadSigningKey(jwt: Config['jwt'], findings: Findings): JwtKey | undefined {
  if (jwt.privateKeyFile === undefined) return loadSecret(jwt, findings)
  return loadPem(jwt, 'privateKeyFile', createPrivateKey, findings)
}

function loadVerificationKey(jwt: Config['jwt'], findings: Findings): JwtKey | undefined {
  if (jwt.publicKeyFile === undefined) return loadSecret(jwt, findings)
  return loadPem(jwt, 'publicKeyFile', createPublicKey, findings)
}

function loadSecret(jwt: Config['jwt'], findings: Findings): JwtKey | undefined {
  const secret = readSecret(jwt, ['jwt'], findings)
  return secret && withAlgorithms(createSecretKey(secret), HMAC, 'a secret', jwt, findings)
}

/** The secret of a section, said there or in a file. */
function readSecret(
  section: { readonly secret?: string; readonly secretFile?: string },
  at: readonly string[],
  findings: Findings,
): Buffer | undefined {
  const path = [...at, section.secret === undefined ? 'secretFile' : 'secret']
  const secret =
    section.secret ??
    (section.secretFile &&
      read(section.secretFile, path, findings)
        ?.toString('utf8')
        .replace(/\r?\n$/, ''))
  if (secret === undefined) return undefined
  if (secret === '') {
    findings.problems.push({ path, message: 'must hold a secret, but is empty' })
    return undefined
  }
  const bytes = Buffer.from(secret, 'utf8')
  if (bytes.length < MIN_SECRET_BYTES) {
    const guessed = at[0] === 'jwt' ? 'a token' : 'a cookie'
    findings.warnings.push(
      `${path.join('.')} has ${bytes.length} bytes; below ${MIN_SECRET_BYTES} it can be guessed from ${guessed} (RFC 7518 section 3.2)`,
    )
  }
  return bytes
}

function loadPem(
  jwt: Config['jwt'],
  field: 'publicKeyFile' | 'privateKeyFile',
  create: (pem: Buffer) => KeyObject,
  findings: Findings,
): JwtKey | undefined {
  const path = ['jwt', field]
  const file = jwt[field]!
  const pem = read(file, path, findings)
  if (pem === undefined) return undefined
  let key: KeyObject
  try {
    key = create(pem)
  } catch {
    const kind = field === 'publicKeyFile' ? 'a public key or certificate' : 'an unencrypted private key'
    findings.problems.push({ path, message: `${file} does not hold ${kind} in PEM` })
    return undefined
  }
  if (field === 'publicKeyFile' && pem.includes('PRIVATE KEY')) {
    findings.warnings.push(
      `jwt.publicKeyFile ${file} holds a private key; the gateway needs the public one alone`,
    )
  }
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {}
  if (modulusLength !== undefined && modulusLength < MIN_RSA_BITS) {
    findings.problems.push({
      path,
      message: `${file} holds an RSA key of ${modulusLength} bits; use ${MIN_RSA_BITS}`,
    })
    return undefined
  }
  const possible = possibleAlgorithms(key)
  if (possible.length === 0) {
    const type = namedCurve ?? key.asymmetricKeyType
    findings.problems.push({
      path,
      message: `${file} holds a key of type ${type}; use RSA, P-256, P-384 or P-521`,
    })
    return undefined
  }
  return withAlgorithms(key, possible, `a key of type ${namedCurve ?? key.asymmetricKeyType}`, jwt, findings)
}

function possibleAlgorithms(key: KeyObject): readonly Algorithm[] {
  if (key.asymmetricKeyType === 'rsa') return [...RSA, ...RSA_PSS]
  if (key.asymmetricKeyType === 'rsa-pss') return RSA_PSS
  const curve = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']
  return curve === undefined ? [] : [curve]
}

/** Never lets an algorithm through that the kind of key is not made for: that is how signatures are forged. */
function withAlgorithms(
  key: KeyObject,
  possible: readonly Algorithm[],
  kind: string,
  { algorithms = possible }: Config['jwt'],
  findings: Findings,
): JwtKey | undefined {
  const before = findings.problems.length
  for (const [index, algorithm] of algorithms.entries()) {
    if (possible.includes(algorithm)) continue
    const path = ['jwt', 'algorithms', index]
    findings.problems.push({ path, message: `${algorithm} does not go with ${kind}: ${possible.join(', ')}` })
  }
  return findings.problems.length > before ? undefined : { key, algorithms }
}

function loadEtcdTls(etcd: Config['etcd'], findings: Findings): EtcdTls | undefined {
  const tls: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {}
  for (const field of ['ca', 'cert', 'key'] as const) {
    const file = etcd[field]
    if (file === undefined) continue
    const path = ['etcd', field]
    const pem = read(file, path, findings)
    if (pem === undefined) continue
    if (pem.includes('-----BEGIN ')) tls[field] = pem
    else findings.problems.push({ path, message: `${file} does not hold PEM` })
  }
  return Object.keys(tls).length === 0 ? undefined : tls
}

function read(file: string, path: Path, { problems, readFile = readFileSync }: Findings): Buffer | undefined {
  try {
    return readFile(file)
  } catch (error) {
    problems.push({ path, message: `${file} cannot be read: ${reasonOf(error)}` })
    return undefined
  }
}
