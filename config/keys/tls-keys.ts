import { statSync } from 'node:fs'
import { coversHost, hostOfName } from '../../internal/tls/alt-names.ts'
import { type RevocationDates, readRevocationDates } from '../../internal/tls/revocation-dates.ts'
import { type AuthorityDates, readAuthorityDates } from '../kit/certificates.ts'
import type { Path } from '../kit/problem.ts'
import type { Config } from '../schema.ts'
import { type CertificateFiles, type CertificatePair, readCertificateFiles } from './certificate-pair.ts'
import type { ReadFile } from './file-contents.ts'
import { attempt, type Findings, readAuthorities, readPemText, readText } from './key-files.ts'
import { SEAL_KEY_BYTES } from './sealed-key.ts'

/** The authorities that issue client certificates, and what they have revoked, in PEM. */
export interface ClientAuthorities {
  readonly ca: string
  readonly crl?: string | undefined
  /** The dates of the authorities in `ca`. */
  readonly authorityDates: readonly AuthorityDates[]
  /** The dates of the list in `crl` that ends first; undefined = none ends. */
  readonly revocationDates?: RevocationDates | undefined
}

/** What TLS for clients needs of files. */
export interface TlsKeys {
  /** In the order of {@link certificateFilesOf}. */
  readonly certificates: readonly CertificatePair[]
  /** Undefined when no client certificates are asked for. */
  readonly clientAuthorities: ClientAuthorities | undefined
}

/** Returns the files of all certificates, that of `tls.cert` first. */
export function certificateFilesOf({ cert, key, certificates }: Config['tls']): CertificateFiles[] {
  return [...(cert === undefined || key === undefined ? [] : [{ cert, key }]), ...certificates]
}

/** Reads the files of TLS for clients; undefined when it is not configured. */
export function loadTlsKeys(tls: Config['tls'], findings: Findings): TlsKeys | undefined {
  const { readFile } = findings
  warnOfFolder(tls, findings)
  const { clientAuth } = tls
  const isFirstNamed = tls.cert !== undefined && tls.key !== undefined
  const certificates = certificateFilesOf(tls).flatMap((files, index) => {
    const inList = isFirstNamed ? index - 1 : index
    const path: Path = inList === -1 ? ['tls', 'cert'] : ['tls', 'certificates', inList]
    return attempt(path, findings, () => readCertificateFiles(files, readFile)) ?? []
  })
  const { default: name } = tls
  const isComplete = certificates.length > 0 && certificates.length === certificateFilesOf(tls).length
  if (
    !tls.fromEtcd &&
    name !== undefined &&
    isComplete &&
    !certificates.some(({ names }) => coversHost(names, hostOfName(name)))
  ) {
    const names = certificates.flatMap(certificate => certificate.names).join(', ')
    findings.problems.push({
      path: ['tls', 'default'],
      message: `no certificate has this name; there are ${names}`,
    })
  }
  const clientAuthorities =
    clientAuth && attempt(['tls', 'clientAuth'], findings, () => readClientAuthorities(clientAuth, readFile))
  if (certificates.length === 0 && clientAuth === undefined && !tls.fromEtcd) return undefined
  return { certificates, clientAuthorities }
}

/** Reads the key that private keys in etcd are sealed with; undefined when there is none or it cannot be used. */
export function loadSealKey({ sealKeyFile }: Config['tls'], findings: Findings): Buffer | undefined {
  if (sealKeyFile === undefined) return undefined
  return attempt(['tls', 'sealKeyFile'], findings, () => {
    const text = readText(sealKeyFile, findings.readFile).trim()
    const key = Buffer.from(text, 'base64')
    if (key.length === SEAL_KEY_BYTES && key.toString('base64') === text) return key
    throw new Error(
      `${sealKeyFile} must hold ${SEAL_KEY_BYTES} bytes in base64, as openssl rand -base64 ${SEAL_KEY_BYTES} writes them`,
    )
  })
}

/**
 * Reads the authorities of client certificates.
 *
 * @throws Error whose message names the file and says what is wrong with it
 */
export function readClientAuthorities(
  files: { readonly ca: string; readonly crl?: string | undefined },
  readFile?: ReadFile,
): ClientAuthorities {
  const ca = readAuthorities(files.ca, readFile)
  const crl = files.crl === undefined ? undefined : readPemText(files.crl, readFile)
  const authorityDates = readAuthorityDates(ca)
  if (crl === undefined) return { ca, authorityDates }
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ ca, crl })
    return { ca, crl, authorityDates, revocationDates: readRevocationDates(crl) }
  } catch (error) {
    throw new Error(`${files.crl} does not hold revocation lists: ${(error as Error).message}`)
  }
}

function warnOfFolder({ acmeChallengeDir: folder }: Config['tls'], { warnings }: Findings): void {
  if (folder === undefined || isFolder(folder)) return
  warnings.push(
    `tls.acmeChallengeDir: ${folder} is no folder yet, so no challenge of ACME is answered from it`,
  )
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}
