import { readAuthorityDates } from '../kit/certificates.ts'
import { jsonPath, type Path } from '../kit/problem.ts'
import type { Config } from '../schema.ts'
import { type CertificateFiles, type KeyPair, readKeyPairFiles } from './certificate-pair.ts'
import { attempt, type Findings, readAuthorities } from './key-files.ts'

/** The contents of the files of `upstream.tls`, in PEM. */
export interface UpstreamTlsKeys {
  /** The authorities that sign the certificates of nodes; undefined = those of the system. */
  readonly ca: string | undefined
  /** The certificate that nodes are shown; undefined = none, unless a route names an identity. */
  readonly identity: KeyPair | undefined
  /** The identities that route documents may name. */
  readonly identities: ReadonlyMap<string, KeyPair>
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
  const { ca: file, cert, key } = tls
  const ca =
    file === undefined
      ? undefined
      : attempt([...at, 'ca'], findings, () => readAuthorities(file, findings.readFile))
  for (const authority of ca === undefined ? [] : readAuthorityDates(ca)) {
    if (authority.validUntil < Date.now())
      findings.warnings.push(
        `upstream.tls.ca ${file}: the authority ${authority.name} ${expiredText(authority)}`,
      )
  }
  // A rule of the configuration holds that there is no certificate without a key.
  const identity =
    cert === undefined || key === undefined ? undefined : readIdentity({ cert, key }, at, findings)
  const identities = new Map<string, KeyPair>()
  for (const [name, files] of Object.entries(tls.identities)) {
    const read = readIdentity(files, [...at, 'identities', name], findings)
    if (read !== undefined) identities.set(name, read)
  }
  if (ca === undefined && identity === undefined && identities.size === 0) return undefined
  return { ca, identity, identities }
}

function readIdentity(files: CertificateFiles, at: Path, findings: Findings): KeyPair | undefined {
  const pair = attempt(at, findings, () => readKeyPairFiles(files, findings.readFile))
  if (pair !== undefined && pair.validUntil < Date.now()) {
    findings.warnings.push(`${jsonPath([...at, 'cert']).slice(2)} ${files.cert} ${expiredText(pair)}`)
  }
  return pair
}

/** Says when a certificate has expired, behind the name of its file. */
export function expiredText({ validUntil }: Pick<KeyPair, 'validUntil'>): string {
  return `expired on ${new Date(validUntil).toISOString()}`
}
