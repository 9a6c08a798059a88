import { readFileSync } from 'node:fs'
import { decodePem } from '../../internal/text/decode-text.ts'
import type { EtcdTls } from './tls-credentials.ts'

export interface EtcdEnvironment {
  readonly etcd?: readonly string[]
  readonly user?: string
  readonly password?: string
  readonly tls?: EtcdTls
  readonly servicesPrefix?: string
}

/**
 * Reads WAYGATE_ETCD, WAYGATE_ETCD_USER, _PASSWORD, _CA, _CERT, _KEY and WAYGATE_SERVICES_PREFIX. An empty
 * variable counts as not set.
 *
 * @throws Error when a file that they name cannot be read
 */
export function etcdFromEnvironment(env: Readonly<Record<string, string | undefined>>): EtcdEnvironment {
  const urls = env.WAYGATE_ETCD?.split(',')
    .map(url => url.trim())
    .filter(url => url !== '')
  const tls: EtcdTls = {
    ...(env.WAYGATE_ETCD_CA && { ca: readPemFile(env.WAYGATE_ETCD_CA) }),
    ...(env.WAYGATE_ETCD_CERT && { cert: readPemFile(env.WAYGATE_ETCD_CERT) }),
    ...(env.WAYGATE_ETCD_KEY && { key: readPemFile(env.WAYGATE_ETCD_KEY) }),
  }
  return {
    ...(urls && urls.length > 0 && { etcd: urls }),
    ...(env.WAYGATE_ETCD_USER && { user: env.WAYGATE_ETCD_USER }),
    ...(env.WAYGATE_ETCD_PASSWORD && { password: env.WAYGATE_ETCD_PASSWORD }),
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(env.WAYGATE_SERVICES_PREFIX && { servicesPrefix: env.WAYGATE_SERVICES_PREFIX }),
  }
}

function readPemFile(file: string): Buffer {
  const bytes = readFileSync(file)
  try {
    return decodePem(bytes)
  } catch (error) {
    throw new Error(`${file} ${(error as Error).message}`)
  }
}
