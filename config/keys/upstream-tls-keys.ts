import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { certificateProblem, certificatesIn } from '../kit/certificates.ts'
import { jsonPath, type Path } from '../kit/problem.ts'
import type { Config } from '../schema.ts'
import { type Findings, readPem } from './key-files.ts'

/** A certificate with which the gateway shows nodes who it is, and its key, in PEM. */
export interface TlsIdentity {
  readonly cert: Buffer
  readonly key: Buffer
}

/** The contents of the files of `upstream.tls`, in PEM. */
export interface UpstreamTlsKeys {
  /** The authorities that sign the certificates of nodes; undefined = those of the system. */
  readonly ca: Buffer | undefined
  /** Undefined when nodes are shown no certificate by default. */
  readonly identity: TlsIdentity | undefined
  /** The identities that route documents may name. */
  readonly identities: ReadonlyMap<string, TlsIdentity>
}

/**
 * Reads the files of `upstream.tls`. Returns undefined when it names none.
 *
 * @param findings get a problem for each file that cannot be used, and the warning that nothing is verified
 */
export function loadUpstreamTls(
  tls: Config['upstream']['tls'],
  findings: Findings,
): UpstreamTlsKeys | undefined {
  const at = ['upstream', 'tls']
  if (!tls.verify) {
    findings.warnings.push(
      'upstream.tls.verify is false: the certificates of nodes are not verified, so whoever is between the gateway and a node can read and change everything',
    )
  }
  const { cert, key } = tls
  const ca = tls.ca === undefined ? undefined : readAuthorities(tls.ca, [...at, 'ca'], findings)
  // A rule of the configuration holds that there is no certificate without a key.
  const identity =
    cert === undefined || key === undefined ? undefined : readIdentity({ cert, key }, at, findings)
  const identities = new Map<string, TlsIdentity>()
  for (const [name, files] of Object.entries(tls.identities)) {
    const read = readIdentity(files, [...at, 'identities', name], findings)
    if (read !== undefined) identities.set(name, read)
  }
  if (ca === undefined && identity === undefined && identities.size === 0) return undefined
  return { ca, identity, identities }
}

function readAuthorities(file: string, path: Path, findings: Findings): Buffer | undefined {
  const pem = readPem(file, path, findings)
  if (pem === undefined) return undefined
  const problem = certificateProblem(pem.toString('latin1'))
  if (problem === undefined) return pem
  findings.problems.push({ path, message: `${file} ${problem}` })
  return undefined
}

function readIdentity(
  files: { readonly cert: string; readonly key: string },
  at: Path,
  findings: Findings,
): TlsIdentity | undefined {
  const cert = readAuthorities(files.cert, [...at, 'cert'], findings)
  const key = readPem(files.key, [...at, 'key'], findings)
  if (cert === undefined || key === undefined) return undefined
  const path = [...at, 'key']
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey(key)
  } catch {
    const message = `${files.key} does not hold an unencrypted private key in PEM`
    findings.problems.push({ path, message })
    return undefined
  }
  // The first certificate is that of the key, and those behind it lead to an authority.
  const own = new X509Certificate(certificatesIn(cert.toString('latin1'))[0]!)
  if (!own.checkPrivateKey(privateKey)) {
    const message = `${files.key} is not the key of the certificate in ${files.cert}`
    findings.problems.push({ path, message })
    return undefined
  }
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ cert, key })
  } catch (error) {
    // A key that is too short, for example.
    findings.problems.push({ path: [...at, 'cert'], message: `${files.cert}: ${(error as Error).message}` })
    return undefined
  }
  if (Date.parse(own.validTo) < Date.now()) {
    findings.warnings.push(`${jsonPath([...at, 'cert']).slice(2)} ${files.cert} expired on ${own.validTo}`)
  }
  return { cert, key }
}
