import { resolve } from 'node:path'
import { type EtcdTls, type EtcdTlsFiles, readTlsFiles } from './tls-files.ts'

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
  const files: EtcdTlsFiles = {
    ...(env.WAYGATE_ETCD_CA && { ca: resolve(env.WAYGATE_ETCD_CA) }),
    ...(env.WAYGATE_ETCD_CERT && { cert: resolve(env.WAYGATE_ETCD_CERT) }),
    ...(env.WAYGATE_ETCD_KEY && { key: resolve(env.WAYGATE_ETCD_KEY) }),
  }
  return {
    ...(urls && urls.length > 0 && { etcd: urls }),
    ...(env.WAYGATE_ETCD_USER && { user: env.WAYGATE_ETCD_USER }),
    ...(env.WAYGATE_ETCD_PASSWORD && { password: env.WAYGATE_ETCD_PASSWORD }),
    ...(Object.keys(files).length > 0 && { tls: readTlsFiles(files) }),
    ...(env.WAYGATE_SERVICES_PREFIX && { servicesPrefix: env.WAYGATE_SERVICES_PREFIX }),
  }
}
