import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The program that makes the certificates. */
export const OPENSSL = 'openssl'
/** The names of a server on this machine. */
export const LOOPBACK = 'IP:127.0.0.1,DNS:localhost'

/** A certificate and its key, as the paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string
  readonly key: string
}

export interface Issued {
  /** As openssl writes them: `DNS:a.example,IP:127.0.0.1,URI:spiffe://x`. Default: `DNS:` and the name. */
  readonly names?: string
  readonly kind?: keyof typeof KEYS
  /** Negative: it has expired. Default 365. */
  readonly days?: number
  readonly subject?: string
  /** Lines of openssl's configuration for the extensions, for names that cannot be said in `names`. */
  readonly config?: string
}

/** A certificate authority in a folder of its own. */
export interface Authority {
  readonly folder: string
  /** The path of its certificate. */
  readonly ca: string
  /** That certificate, PEM. */
  readonly pem: string
  /** Returns another certificate of it, PEM, with the same key and other dates. Negative: it has expired. */
  reissued(days: number): string
  /** Makes a certificate. Its files are named after `name`. */
  issue(name: string, issued?: Issued): CertificateFiles
  /** Makes the list of the certificates that are revoked, and returns its path. */
  revoke(...certificates: readonly CertificateFiles[]): string
  /** Makes that list anew with other dates, as openssl takes them: `20300101000000Z`. */
  listRevoked(madeAt: string, validUntil: string, more?: readonly string[]): string
}

const KEYS = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
  'rsa-1024': ['-newkey', 'rsa:1024'],
} as const

/** Makes an authority with openssl. Its folder goes after the test. */
export function makeAuthority(
  t: { after(hook: () => void): void },
  commonName = 'Test Authority',
): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'waygate-authority-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const openssl = (...args: readonly string[]) =>
    execFileSync(OPENSSL, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
  const ca = join(folder, 'ca.crt')
  openssl(
    ...['req', '-x509', ...KEYS.ec, '-nodes', '-keyout', 'ca.key', '-out', ca, '-days', '3650'],
    ...['-subj', `/CN=${commonName}`],
  )
  return {
    folder,
    ca,
    pem: readFileSync(ca, 'utf8'),
    reissued: days => openssl('x509', '-in', ca, '-signkey', 'ca.key', '-days', String(days)).toString(),
    issue(name, { names = `DNS:${name}`, kind = 'ec', days = 365, subject = `/CN=${name}`, config } = {}) {
      const [cert, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)]
      const extensions = config ?? (names ? `subjectAltName=${names}` : '')
      writeFileSync(join(folder, 'extensions.conf'), extensions)
      openssl(
        'req',
        ...KEYS[kind],
        '-nodes',
        '-keyout',
        key,
        '-out',
        'request.csr',
        '-utf8',
        '-subj',
        subject,
      )
      openssl(
        ...['x509', '-req', '-in', 'request.csr', '-out', cert, '-days', String(days)],
        ...['-extfile', 'extensions.conf', '-CA', ca, '-CAkey', 'ca.key', '-CAcreateserial'],
      )
      return { cert, key }
    },
    revoke(...certificates) {
      const crl = join(folder, 'revoked.pem')
      writeFileSync(join(folder, 'index.txt'), '', { flag: 'a' })
      writeFileSync(
        join(folder, 'ca.conf'),
        `[ca]\ndefault_ca=d\n[d]\ndatabase=${folder}/index.txt\ndefault_md=sha256\ndefault_crl_days=1\n[crl]\nauthorityKeyIdentifier=keyid\n`,
      )
      const authority = ['-config', 'ca.conf', '-keyfile', 'ca.key', '-cert', ca]
      for (const { cert } of certificates) openssl('ca', ...authority, '-revoke', cert)
      openssl('ca', ...authority, '-gencrl', '-out', crl)
      return crl
    },
    listRevoked(madeAt, validUntil, more = []) {
      const crl = this.revoke()
      openssl(
        ...['ca', '-config', 'ca.conf', '-keyfile', 'ca.key', '-cert', ca, '-gencrl', '-out', crl],
        ...['-crl_lastupdate', madeAt, '-crl_nextupdate', validUntil, ...more],
      )
      return crl
    },
  }
}

/** Reads a certificate and its key, as PEM texts. */
export function pemOf({ cert, key }: CertificateFiles): { readonly cert: string; readonly key: string } {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

/** Puts a certificate and its key in the place of others, one after the other, as tools that renew certificates do. */
export function replaceFiles(place: CertificateFiles, by: CertificateFiles): void {
  for (const file of ['cert', 'key'] as const) {
    copyFileSync(by[file], `${place[file]}.new`)
    renameSync(`${place[file]}.new`, place[file])
  }
}
