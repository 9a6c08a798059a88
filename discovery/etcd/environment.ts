import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { decodeText } from '../../internal/text/decode-text.ts'
import { type EtcdTls, type EtcdTlsFiles, readTlsFiles } from './tls-files.ts'

export interface EtcdEnvironment {
  readonly etcd?: readonly string[]
  readonly user?: string
  readonly password?: string
  readonly tls?: EtcdTls
  readonly servicesPrefix?: string
}

const PASSWORD = 'WAYGATE_ETCD_PASSWORD'
const PASSWORD_FILE = `${PASSWORD}_FILE`

/**
 * Reads WAYGATE_ETCD, WAYGATE_ETCD_USER, _PASSWORD or _PASSWORD_FILE, _CA, _CERT, _KEY and WAYGATE_SERVICES_PREFIX. An
 * empty variable counts as not set.
 *
 * @throws Error when a file that they name cannot be read, or when the password is set twice
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
  const password = passwordOf(env)
  return {
    ...(urls && urls.length > 0 && { etcd: urls }),
    ...(env.WAYGATE_ETCD_USER && { user: env.WAYGATE_ETCD_USER }),
    ...(password && { password }),
    ...(Object.keys(files).length > 0 && { tls: readTlsFiles(files) }),
    ...(env.WAYGATE_SERVICES_PREFIX && { servicesPrefix: env.WAYGATE_SERVICES_PREFIX }),
  }
}

function passwordOf({
  [PASSWORD]: password,
  [PASSWORD_FILE]: file,
}: Readonly<Record<string, string | undefined>>): string | undefined {
  if (!file) return password
  if (password) throw new TypeError(`${PASSWORD_FILE} must not be set together with ${PASSWORD}`)
  const path = resolve(file)
  let secret: string
  try {
    secret = decodeText(readFileSync(path)).replace(/\r?\n$/, '')
  } catch (error) {
    const { message } = error as Error
    const reason = error instanceof TypeError ? `${path} ${message}` : message
    throw new Error(`${PASSWORD_FILE} cannot be read: ${reason}`, { cause: error })
  }
  if (secret.trim() === '') throw new Error(`${PASSWORD_FILE} names an empty file, ${path}`)
  return secret
}
