import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { connect } from 'node:tls'
import { type CertificateFiles, replaceFiles } from './certificates.ts'
import { startTlsGateway, type TlsGateway } from './tls-gateway.ts'
import { until } from './until.ts'

export interface ReplacementOptions {
  readonly workers: number
  /** How often the certificate is replaced. Broken files come before every one of them. */
  readonly times: number
  readonly handshakesPerSecond: number
}

export interface ReplacementReport {
  readonly handshakes: number
  /** For each replacement: how long after it the last client came that still got the old certificate, milliseconds. */
  readonly servedAfterMs: readonly number[]
}

interface Handshake {
  readonly begunAt: number
  readonly serial: string
}

/** What may lie in the place of a certificate by mistake, given the certificate that follows. */
const BREAKAGES: readonly ((server: TlsGateway, next: CertificateFiles) => void)[] = [
  ({ certificate }) => writeFileSync(certificate.cert, 'not a certificate'),
  ({ certificate }) => writeFileSync(certificate.key, ''),
  ({ certificate }, next) => writeFileSync(certificate.cert, readFileSync(next.cert)),
  ({ certificate, authority }) =>
    replaceFiles(certificate, authority.issue('expired', { names: 'DNS:localhost', days: -1 })),
]
/** So many handshakes in a row with the new certificate mean that every worker has it. */
const IN_A_ROW = 40

/**
 * Replaces the certificate of a gateway again and again while clients connect, with files in between that cannot be used.
 *
 * @throws AssertionError when a handshake fails or gets a certificate that should not be served, or a fault is not logged
 */
export async function replaceCertificates({
  workers,
  times,
  handshakesPerSecond,
}: ReplacementOptions): Promise<ReplacementReport> {
  await using server = await startTlsGateway({ args: ['--workers', String(workers)] })
  const { authority, certificate, gateway, port } = server
  const all = Array.from({ length: times }, (_, index) =>
    authority.issue(`next-${index}`, { names: 'DNS:localhost', kind: index % 2 === 0 ? 'ec' : 'rsa' }),
  )
  const seen: Handshake[] = []
  const failures: string[] = []
  const stopping = new AbortController()
  const connecting = (async () => {
    const under = new Set<Promise<void>>()
    for (let startedAt = performance.now(), n = 0; !stopping.signal.aborted; n++) {
      const one = shake(port, authority.pem)
        .then(
          handshake => void seen.push(handshake),
          error => void failures.push(String(error)),
        )
        .finally(() => under.delete(one))
      under.add(one)
      const dueAt = startedAt + ((n + 1) * 1_000) / handshakesPerSecond
      await delay(Math.max(1, dueAt - performance.now()))
    }
    await Promise.all(under)
  })()
  const servedAfterMs: number[] = []
  try {
    let served = serialOf(certificate.cert)
    for (const [index, next] of all.entries()) {
      const warned = countWarnings(server)
      BREAKAGES[index % BREAKAGES.length]!(server, next)
      await until('every worker has noticed', () => countWarnings(server) >= warned + workers)
      const serial = serialOf(next.cert)
      const brokenAt = seen.length
      await until('clients connect meanwhile', () => seen.length >= brokenAt + IN_A_ROW)
      replaceFiles(certificate, next)
      const replacedAt = performance.now()
      await until('every worker serves the new certificate', () => {
        const later = seen.filter(({ begunAt }) => begunAt > replacedAt).slice(-IN_A_ROW)
        return later.length === IN_A_ROW && later.every(each => each.serial === serial)
      })
      const old = seen.filter(each => each.begunAt > replacedAt && each.serial !== serial)
      servedAfterMs.push(Math.max(0, ...old.map(({ begunAt }) => begunAt - replacedAt)))
      for (const each of old) assert.equal(each.serial, served, 'it is the last good one until then')
      served = serial
    }
  } finally {
    stopping.abort()
    await connecting
  }
  assert.deepEqual(failures, [])
  const served = new Set([...all.map(({ cert }) => serialOf(cert))])
  assert.ok(!gateway.hasExited())
  assert.equal(new Set(seen.map(({ serial }) => serial)).size, served.size + 1)
  return { handshakes: seen.length, servedAfterMs }
}

/** Makes a full handshake, in which the certificate is verified. */
function shake(port: number, ca: string): Promise<Handshake> {
  const begunAt = performance.now()
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca }, () => {
      resolve({ begunAt, serial: socket.getPeerX509Certificate()!.serialNumber })
      socket.destroy()
    })
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
  })
}

function serialOf(file: string): string {
  return new X509Certificate(readFileSync(file)).serialNumber
}

function countWarnings({ gateway }: TlsGateway): number {
  return gateway.log().filter(({ msg }) => msg === 'certificate cannot be used; keeping the last good one')
    .length
}
