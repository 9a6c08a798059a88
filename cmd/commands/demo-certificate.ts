import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { UsageError } from '../cli/format-error.ts'

/** Paths of PEM files. */
export interface DemoCertificate {
  /** The certificate of an authority that has issued this one and nothing else. */
  readonly ca: string
  readonly cert: string
  readonly key: string
}

const NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']

/**
 * Makes an authority and a certificate for this machine in a folder. Whoever trusts the authority trusts nothing else by that:
 * its key is not kept.
 *
 * @throws UsageError when there is no openssl
 */
export async function makeDemoCertificate(folder: string): Promise<DemoCertificate> {
  const openssl = (...args: readonly string[]) => promisify(execFile)('openssl', args, { cwd: folder })
  const inFolder = (name: string) => join(folder, name)
  const certificate = { ca: inFolder('ca.crt'), cert: inFolder('gateway.crt'), key: inFolder('gateway.key') }
  try {
    await openssl(
      ...['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', certificate.ca],
      ...['-subj', '/CN=Waygate demo authority'],
    )
    await openssl(
      ...['req', '-x509', ...NEW_KEY, '-keyout', certificate.key, '-out', certificate.cert],
      ...['-subj', '/CN=localhost', '-addext', NAMES, '-addext', 'basicConstraints=critical,CA:FALSE'],
      ...['-CA', certificate.ca, '-CAkey', 'ca.key'],
    )
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const why = isMissing ? 'which is not on PATH' : 'of which version 3 or newer is needed'
    throw new UsageError(`--tls makes its certificate with openssl, ${why}`, 'demo')
  }
  await rm(join(folder, 'ca.key'))
  return certificate
}
