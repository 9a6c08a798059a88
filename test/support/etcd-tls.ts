import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isPortTaken, spawnEtcd } from './etcd-process.ts'
import { freePort } from './free-port.ts'

const run = promisify(execFile)

/** The program that makes the certificates. */
export const OPENSSL = 'openssl'

/** Two certificate authorities and the certificates that they signed, made by openssl in a temporary folder. */
export interface Certificates extends AsyncDisposable {
  /** Path of a PEM file: `ca`, `server`, `client`, `other-ca`, `other-client`; keys end in `.key`. */
  path(name: string): string
  pem(name: string): Buffer
}

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-certificates-'))
  const openssl = (...args: readonly string[]) => run(OPENSSL, args, { cwd: folder })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const makeCa = (name: string) =>
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      `${name}.key`,
      '-out',
      name,
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
    )
  const sign = async (name: string, ca: string, extra: readonly string[] = []) => {
    const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`]
    await openssl('req', ...newKey, ...request, ...extra)
    const by = ['-CA', ca, '-CAkey', `${ca}.key`, '-CAcreateserial', '-copy_extensions', 'copy', '-days', '2']
    await openssl('x509', '-req', '-in', `${name}.csr`, '-out', name, ...by)
  }
  await Promise.all([makeCa('ca'), makeCa('other-ca')])
  await sign('server', 'ca', ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'])
  await sign('client', 'ca')
  await sign('other-client', 'other-ca')
  const path = (name: string) => join(folder, name)
  return {
    path,
    pem: name => readFileSync(path(name)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** A real etcd that clients reach only over TLS, with a certificate of `ca`. The caller disposes of it. */
export interface TlsEtcd extends AsyncDisposable {
  readonly url: string
}

export async function startTlsEtcd(certificates: Certificates): Promise<TlsEtcd> {
  const root = await mkdtemp(join(tmpdir(), 'waygate-etcd-'))
  for (let attempt = 1; ; attempt++) {
    const [port, peerPort, tlsPort] = [await freePort(), await freePort(), await freePort()]
    const url = `https://127.0.0.1:${tlsPort}`
    const etcd = spawnEtcd({
      port,
      peerPort,
      dataDir: join(root, String(attempt)),
      name: 'test',
      initialCluster: `test=http://127.0.0.1:${peerPort}`,
      args: [
        // Over plain http, it serves only health and metrics.
        ...['--listen-client-urls', url, '--listen-metrics-urls', `http://127.0.0.1:${port}`],
        ...['--cert-file', certificates.path('server'), '--key-file', certificates.path('server.key')],
        ...['--client-cert-auth', '--trusted-ca-file', certificates.path('ca')],
      ],
    })
    const stop = async () => {
      await etcd.end('SIGKILL')
      await rm(root, { recursive: true, force: true, maxRetries: 5 })
    }
    try {
      await etcd.untilHealthy(20_000)
      return { url, [Symbol.asyncDispose]: stop }
    } catch (error) {
      if (isPortTaken(error) && attempt < 5) continue
      await stop()
      throw error
    }
  }
}
