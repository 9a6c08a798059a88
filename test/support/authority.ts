import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { promisify } from 'node:util'
import type { TlsSettings } from '../../wrappers/transport/node-tls.ts'
import { OPENSSL } from './etcd-tls.ts'

const run = promisify(execFile)
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate and its key, as PEM text and as files. */
export interface TestCertificate {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

/** An authority in a temporary folder. */
export interface Authority extends AsyncDisposable {
  /** Its own certificate, PEM. */
  readonly ca: string
  readonly caFile: string
  /**
   * Makes a certificate.
   *
   * @param names in OpenSSL's format; default `IP:127.0.0.1,DNS:localhost`
   * @param days how long it is valid, default 100; negative = it has expired
   */
  sign(name: string, options?: { readonly names?: string; readonly days?: number }): Promise<TestCertificate>
}

/** Makes an authority with openssl. The caller disposes of it. */
export async function makeAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-authority-'))
  const openssl = (...args: readonly string[]) => run(OPENSSL, args, { cwd: folder })
  const caFile = join(folder, 'ca')
  const own = ['-keyout', 'ca.key', '-out', 'ca', '-days', '100', '-subj', '/CN=test authority']
  await openssl('req', '-x509', ...NEW_KEY, ...own)
  return {
    ca: readFileSync(caFile, 'utf8'),
    caFile,
    async sign(name, { names = 'IP:127.0.0.1,DNS:localhost', days = 100 } = {}) {
      const [certFile, keyFile] = [join(folder, name), join(folder, `${name}.key`)]
      const request = ['-keyout', keyFile, '-out', `${name}.csr`, '-subj', `/CN=${name}`]
      await openssl('req', ...NEW_KEY, ...request, '-addext', `subjectAltName=${names}`)
      const by = ['-CA', 'ca', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy']
      await openssl('x509', '-req', '-in', `${name}.csr`, '-out', certFile, ...by, '-days', String(days))
      const [cert, key] = [readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8')]
      return { cert, key, certFile, keyFile }
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Returns settings for TLS with a node, which verify its certificate unless told otherwise. */
export function testTls({
  serverName,
  verify = true,
  ...context
}: SecureContextOptions & Partial<Pick<TlsSettings, 'serverName' | 'verify'>>): TlsSettings {
  return {
    context: createSecureContext(context),
    serverName,
    verify,
    hasCertificate: context.cert !== undefined,
  }
}

/** Stands for the settings of tests whose nodes use no TLS. */
export const noTls = (): TlsSettings => {
  throw new Error('no node of this test uses TLS')
}
