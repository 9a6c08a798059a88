import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Issued, LOOPBACK, makeAuthority } from './certificates.ts'
import { etcdctl } from './etcd.ts'
import { isPortTaken, spawnEtcd } from './etcd-process.ts'
import { freePort } from './free-port.ts'

/** Two certificate authorities and the certificates that they signed, made by openssl in temporary folders. */
export interface Certificates extends Disposable {
  /**
   * Path of a PEM file: `ca`, and `server`, `client` and `expired-client` signed by it; the same with `other-` before their
   * names; keys end in `.key`.
   */
  path(name: string): string
  pem(name: string): Buffer
}

/** Makes the certificates. The caller disposes of them. */
export function makeCertificates(): Certificates {
  const stack = new DisposableStack()
  const paths = new Map<string, string>()
  for (const prefix of ['', 'other-']) {
    const authority = makeAuthority({ after: remove => stack.defer(remove) }, `${prefix}ca`)
    paths.set(`${prefix}ca`, authority.ca)
    const issue = (name: string, issued: Issued) => {
      const { cert, key } = authority.issue(name, issued)
      paths.set(prefix + name, cert).set(`${prefix + name}.key`, key)
    }
    issue('server', { names: LOOPBACK })
    issue('client', { names: '' })
    issue('expired-client', { names: '', days: -1 })
  }
  const path = (name: string) => paths.get(name)!
  return {
    path,
    pem: name => readFileSync(path(name)),
    [Symbol.dispose]: () => stack.dispose(),
  }
}

/** Which of the {@link Certificates} an etcd uses: those of `ca`, or with `other-` before their names. */
export type Generation = '' | 'other-'

/** A real etcd that clients reach only over TLS, with a certificate of `ca`. The caller disposes of it. */
export interface TlsEtcd extends AsyncDisposable {
  readonly url: string
  /** Runs `etcdctl` with the client certificate of a generation, and resolves with its output. */
  etcdctl(generation: Generation, ...args: readonly string[]): Promise<string>
  /** Ends it and starts it again with its data and the certificates of a generation, accepting only clients of that. */
  restart(generation: Generation): Promise<void>
}

export async function startTlsEtcd(certificates: Certificates): Promise<TlsEtcd> {
  const root = await mkdtemp(join(tmpdir(), 'waygate-etcd-'))
  for (let attempt = 1; ; attempt++) {
    const [port, peerPort, tlsPort] = [await freePort(), await freePort(), await freePort()]
    const url = `https://127.0.0.1:${tlsPort}`
    const spawn = (generation: Generation) => {
      const pathOf = (name: string) => certificates.path(generation + name)
      return spawnEtcd({
        port,
        peerPort,
        dataDir: join(root, String(attempt)),
        name: 'test',
        initialCluster: `test=http://127.0.0.1:${peerPort}`,
        args: [
          // Over plain http, it serves only health and metrics.
          ...['--listen-client-urls', url, '--listen-metrics-urls', `http://127.0.0.1:${port}`],
          ...['--cert-file', pathOf('server'), '--key-file', pathOf('server.key')],
          ...['--client-cert-auth', '--trusted-ca-file', pathOf('ca')],
        ],
      })
    }
    let etcd = spawn('')
    const stop = async () => {
      await etcd.end('SIGKILL')
      await rm(root, { recursive: true, force: true, maxRetries: 5 })
    }
    try {
      await etcd.untilHealthy(20_000)
      return {
        url,
        etcdctl: (generation, ...args) =>
          etcdctl(
            url,
            ...['--cacert', certificates.path(`${generation}ca`)],
            ...['--cert', certificates.path(`${generation}client`)],
            ...['--key', certificates.path(`${generation}client.key`)],
            ...args,
          ),
        async restart(generation) {
          await etcd.end('SIGKILL')
          etcd = spawn(generation)
          await etcd.untilHealthy(20_000)
        },
        [Symbol.asyncDispose]: stop,
      }
    } catch (error) {
      if (isPortTaken(error) && attempt < 5) continue
      await stop()
      throw error
    }
  }
}

/** The three files that a client is given, whose contents can be replaced. */
export interface ClientFiles extends AsyncDisposable {
  readonly ca: string
  readonly cert: string
  readonly key: string
  /** Replaces the files by those of a generation, as Kubernetes does: a link to the folder of all three moves. */
  use(generation: Generation): Promise<void>
  /** Replaces the link by one to a folder in which the key is cut short. */
  breakKey(generation: Generation): Promise<void>
}

/** Makes the files, with the certificates of `ca`. The caller disposes of them. */
export async function makeClientFiles(certificates: Certificates): Promise<ClientFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'waygate-client-files-'))
  let count = 0
  const point = async (generation: Generation, key: (whole: Buffer) => Buffer) => {
    const data = `data-${++count}`
    await mkdir(join(folder, data))
    await writeFile(join(folder, data, 'ca.pem'), certificates.pem(`${generation}ca`))
    await writeFile(join(folder, data, 'cert.pem'), certificates.pem(`${generation}client`))
    await writeFile(join(folder, data, 'key.pem'), key(certificates.pem(`${generation}client.key`)))
    await symlink(data, join(folder, `${data}-link`))
    await rename(join(folder, `${data}-link`), join(folder, '..data'))
  }
  await point('', whole => whole)
  const names = ['ca', 'cert', 'key'] as const
  const [ca, cert, key] = await Promise.all(
    names.map(async name => {
      const path = join(folder, `${name}.pem`)
      await symlink(`..data/${name}.pem`, path)
      return path
    }),
  )
  return {
    ca: ca!,
    cert: cert!,
    key: key!,
    use: generation => point(generation, whole => whole),
    breakKey: generation => point(generation, whole => whole.subarray(0, 60)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
