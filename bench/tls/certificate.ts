import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** A certificate for `localhost` and 127.0.0.1, and its key, as paths of PEM files. It is its own authority. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Makes a certificate of elliptic curves with openssl in a folder, once. */
export function makeCertificate(folder: string): Certificate {
  const [cert, key] = [join(folder, 'localhost.crt'), join(folder, 'localhost.key')]
  if (!existsSync(cert)) {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'],
        ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
  }
  return { cert, key }
}
