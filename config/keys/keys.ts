import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Config } from '../schema.ts'
import { type FormerJwtKey, type JwtKey, type JwtKeys, loadJwtKeys } from './jwt-keys.ts'
import { attempt, type Findings, readKeyFile, readPemText, readSecret } from './key-files.ts'
import { type LimitStoreKeys, loadLimitStoreKeys } from './limit-store-keys.ts'
import { loadSealKey, loadTlsKeys, type TlsKeys } from './tls-keys.ts'
import { loadUpstreamTls, type UpstreamTlsKeys } from './upstream-tls-keys.ts'
import { loadUsers, type Users } from './users.ts'

/** TLS files for etcd, in PEM. */
interface EtcdTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** The keys and users that a configuration and its key files contain. */
export interface Keys {
  /** Verifies tokens; undefined when `jwt` itself has no key. */
  readonly jwt?: JwtKey
  /** Keys from before `jwt`, whose tokens are still accepted; absent when there are none. */
  readonly formerJwt?: readonly FormerJwtKey[]
  /** The keys of `jwt.issuers` in their order; absent when there are no issuers. */
  readonly issuers?: JwtKeys['issuers']
  /** Users with passwords, by name; undefined when neither `basic.users` nor `basic.usersFile` is set. */
  readonly users?: Users
  /** Signs sticky cookies; undefined when no secret is configured. */
  readonly stickyCookie?: KeyObject
  /** The contents of the files of `grpc.descriptors`, by their names; absent when there are none. */
  readonly descriptors?: ReadonlyMap<string, Buffer>
  /** Present when any of `etcd.ca`, `etcd.cert` and `etcd.key` is. */
  readonly etcdTls?: EtcdTls
  /** Present when TLS for clients is configured. */
  readonly tls?: TlsKeys
  /** Present when `upstream.tls` names files. */
  readonly upstreamTls?: UpstreamTlsKeys
  /** Present when `rateLimits.store` names files. */
  readonly limitStore?: LimitStoreKeys
  /** The 32 bytes that private keys in etcd are sealed with; absent when none are configured. */
  readonly sealKey?: Buffer
}

/** Reads every key file that the gateway needs, so that an invalid one is reported at start. */
export function loadKeys(
  config: Pick<Config, 'jwt' | 'basic' | 'etcd' | 'routes' | 'grpc' | 'tls' | 'upstream' | 'rateLimits'>,
  findings: Findings,
): Keys {
  const { jwt, former, issuers } = loadJwtKeys(config.jwt, findings)
  const users = loadUsers(config.basic, findings)
  const etcdTls = loadEtcdTls(config.etcd, findings)
  const cookieSecret = readSecret(config.routes.stickyCookie, ['routes', 'stickyCookie'], findings)
  const stickyCookie = cookieSecret && createSecretKey(cookieSecret)
  const descriptors = loadDescriptors(config.grpc, findings)
  const tls = loadTlsKeys(config.tls, findings)
  const upstreamTls = loadUpstreamTls(config.upstream.tls, findings)
  const limitStore = loadLimitStoreKeys(config.rateLimits, findings)
  const sealKey = loadSealKey(config.tls, findings)
  return {
    ...(issuers.length > 0 && { issuers }),
    ...(jwt && { jwt }),
    ...(former.length > 0 && { formerJwt: former }),
    ...(users && { users }),
    ...(etcdTls && { etcdTls }),
    ...(upstreamTls && { upstreamTls }),
    ...(stickyCookie && { stickyCookie }),
    ...(descriptors.size > 0 && { descriptors }),
    ...(tls && { tls }),
    ...(limitStore && { limitStore }),
    ...(sealKey && { sealKey }),
  }
}

function loadEtcdTls(etcd: Config['etcd'], findings: Findings): EtcdTls | undefined {
  const tls: { -readonly [Field in keyof EtcdTls]: string } = {}
  for (const field of ['ca', 'cert', 'key'] as const) {
    const file = etcd[field]
    if (file === undefined) continue
    const pem = attempt(['etcd', field], findings, () => readPemText(file, findings.readFile))
    if (pem !== undefined) tls[field] = pem
  }
  return Object.keys(tls).length === 0 ? undefined : tls
}

function loadDescriptors(grpc: Config['grpc'], findings: Findings): ReadonlyMap<string, Buffer> {
  const sets = new Map<string, Buffer>()
  for (const [name, file] of Object.entries(grpc.descriptors)) {
    const bytes = readKeyFile(file, ['grpc', 'descriptors', name], findings, whole => whole)
    if (bytes !== undefined) sets.set(name, bytes)
  }
  return sets
}
