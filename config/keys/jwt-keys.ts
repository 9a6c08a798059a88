import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { decodePem } from '../../internal/text/decode-text.ts'
import { type Algorithm, HMAC, kindOfKey, possibleAlgorithms } from '../kit/key-algorithms.ts'
import { jsonPath, type Path } from '../kit/problem.ts'
import type { Config } from '../schema.ts'
import { type Findings, readKeyFile, readSecret } from './key-files.ts'

/** A key and the algorithms that it may be used with. The first one is used for signing. */
export interface JwtKey {
  readonly key: KeyObject
  readonly algorithms: readonly Algorithm[]
}

/** The key of an issuer, with those from before it. */
export interface IssuerKey extends JwtKey {
  /** In the order of its `previous`; absent when there are none. */
  readonly former?: readonly FormerJwtKey[]
}

/** A key from before the present one, whose tokens are still accepted. */
export interface FormerJwtKey extends JwtKey {
  /** When they no longer are, milliseconds since 1970; undefined = as long as it is configured. */
  readonly acceptedUntil: number | undefined
}

export interface JwtKeys {
  readonly jwt: JwtKey | undefined
  /** In the order of `jwt.previous`. */
  readonly former: readonly FormerJwtKey[]
  /** In the order of `jwt.issuers`; undefined = the keys of the issuer are at its `jwksUrl`. */
  readonly issuers: readonly (IssuerKey | undefined)[]
}

/** The fields for a key, which `jwt` and the entries of `jwt.issuers` share. */
interface KeySection {
  readonly secret?: string
  readonly secretFile?: string
  readonly publicKeyFile?: string
  readonly privateKeyFile?: string
  readonly algorithms?: readonly Algorithm[]
}

/** Reads every key that verifies tokens. */
export function loadJwtKeys(jwt: Config['jwt'], findings: Findings): JwtKeys {
  return {
    jwt: loadVerificationKey(jwt, ['jwt'], findings),
    former: loadFormerKeys(jwt, ['jwt'], findings),
    issuers: jwt.issuers.map((issuer, index) => {
      const at = ['jwt', 'issuers', index]
      const key = loadVerificationKey(issuer, at, findings)
      const former = loadFormerKeys(issuer, at, findings)
      return key && { ...key, ...(former.length > 0 && { former }) }
    }),
  }
}

function loadFormerKeys(
  { previous }: Pick<Config['jwt'], 'previous'>,
  at: Path,
  findings: Findings,
): FormerJwtKey[] {
  return previous.flatMap((key, index) => loadFormerKey(key, [...at, 'previous', index], findings) ?? [])
}

function loadFormerKey(
  former: Config['jwt']['previous'][number],
  at: Path,
  findings: Findings,
): FormerJwtKey | undefined {
  const key = loadVerificationKey(former, at, findings)
  const acceptedUntil = former.until === undefined ? undefined : Date.parse(former.until)
  if (acceptedUntil !== undefined && acceptedUntil <= Date.now()) {
    const path = jsonPath([...at, 'until']).slice(2)
    findings.warnings.push(`${path} is past, so tokens of this key are refused; take it out of the list`)
  }
  return key && { ...key, acceptedUntil }
}

/** Reads the key that `waygate token` signs with: the private key, or else the secret. */
export function loadSigningKey(jwt: Config['jwt'], findings: Findings): JwtKey | undefined {
  if (jwt.privateKeyFile === undefined) return loadSecret(jwt, ['jwt'], findings)
  return loadPem(jwt, ['jwt'], 'privateKeyFile', createPrivateKey, findings)
}

function loadVerificationKey(section: KeySection, at: Path, findings: Findings): JwtKey | undefined {
  if (section.publicKeyFile === undefined) return loadSecret(section, at, findings)
  return loadPem(section, at, 'publicKeyFile', createPublicKey, findings)
}

function loadSecret(section: KeySection, at: Path, findings: Findings): JwtKey | undefined {
  const secret = readSecret(section, at, findings)
  return secret && withAlgorithms(createSecretKey(secret), HMAC, 'a secret', section, at, findings)
}

function loadPem(
  section: KeySection,
  at: Path,
  field: 'publicKeyFile' | 'privateKeyFile',
  create: (pem: Buffer) => KeyObject,
  findings: Findings,
): JwtKey | undefined {
  const path = [...at, field]
  const file = section[field]!
  const pem = readKeyFile(file, path, findings, decodePem)
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
      `${jsonPath(path).slice(2)} ${file} holds a private key; the gateway needs only the public key`,
    )
  }
  try {
    return withAlgorithms(key, possibleAlgorithms(key), kindOfKey(key), section, at, findings)
  } catch (error) {
    findings.problems.push({ path, message: `${file} holds ${(error as Error).message}` })
    return undefined
  }
}

/** Refuses algorithms that do not fit the kind of key, since mixing them up is how signatures are forged. */
function withAlgorithms(
  key: KeyObject,
  possible: readonly Algorithm[],
  kind: string,
  { algorithms = possible }: KeySection,
  at: Path,
  findings: Findings,
): JwtKey | undefined {
  const before = findings.problems.length
  for (const [index, algorithm] of algorithms.entries()) {
    if (possible.includes(algorithm)) continue
    const path = [...at, 'algorithms', index]
    findings.problems.push({ path, message: `${algorithm} does not fit ${kind}: ${possible.join(', ')}` })
  }
  return findings.problems.length > before ? undefined : { key, algorithms }
}
