import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { decodePem } from '../../internal/text/decode-text.ts'
import { explainPem } from '../../internal/tls/explain-pem.ts'

/** PEM texts for TLS to etcd. `cert` and `key` are for an etcd that requires a client certificate. */
export interface EtcdTls {
  readonly ca?: string | Buffer | undefined
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
  /**
   * The paths of PEM files, which are read again for each new connection, so that certificates can be replaced while the
   * process runs. When a file cannot be used, the last good ones stay in use.
   */
  readonly files?: EtcdTlsFiles | undefined
}

export interface EtcdTlsFiles {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

const FIELDS = ['ca', 'cert', 'key'] as const

/**
 * Reads the files, whose paths stay as they are.
 *
 * @throws Error when one cannot be read or is no text
 */
export function readTlsFiles(files: EtcdTlsFiles): EtcdTls {
  const tls: { -readonly [Field in keyof EtcdTls]: EtcdTls[Field] } = { files }
  for (const field of FIELDS) {
    const file = files[field]
    if (file !== undefined) tls[field] = readPemFile(file)
  }
  return tls
}

function readPemFile(file: string): Buffer {
  const bytes = readFileSync(file)
  try {
    return decodePem(bytes)
  } catch (error) {
    throw new Error(`${file} ${(error as Error).message}`)
  }
}

export function isSameTls(one: EtcdTls, other: EtcdTls): boolean {
  return FIELDS.every(field => String(one[field]) === String(other[field]))
}

/**
 * Throws unless the texts can be used together: a file may be read while it is written, and a certificate before its key
 * is there.
 *
 * @throws Error that says which text is wrong
 */
export function checkTls(tls: EtcdTls): void {
  for (const field of FIELDS) {
    const pem = tls[field] === undefined ? undefined : String(tls[field])
    if (pem === undefined) continue
    const where = tls.files?.[field] ?? `the etcd ${field}`
    const begun = pem.match(/-----BEGIN /g)?.length ?? 0
    if (begun === 0) throw new Error(`${where} does not hold PEM`)
    if (begun !== pem.match(/-----END /g)?.length) throw new Error(`${where} is incomplete`)
  }
  const { ca, cert, key } = tls
  try {
    // OpenSSL would try an empty password for an encrypted key.
    if (key !== undefined) createPrivateKey(key)
    process.getBuiltinModule('node:tls').createSecureContext({ ca, cert, key })
  } catch (error) {
    const where =
      Object.values(tls.files ?? {})
        .filter(Boolean)
        .join(', ') || 'the etcd certificates'
    throw new Error(`${where}: ${explainPem(error)}`)
  }
}

/**
 * Explains why the client certificate cannot be accepted at this time, for people; undefined when its dates are in
 * order. etcd only says that it is bad.
 */
export function staleReason({ cert, files }: EtcdTls): string | undefined {
  if (cert === undefined) return undefined
  const now = Date.now()
  const { validFromDate, validToDate } = new X509Certificate(cert)
  const where = files?.cert ?? 'the client certificate'
  if (now > validToDate.getTime()) return `${where} expired on ${validToDate.toISOString()}`
  if (now < validFromDate.getTime()) return `${where} is not valid before ${validFromDate.toISOString()}`
  return undefined
}
