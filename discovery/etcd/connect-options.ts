import type { Etcd3 } from 'etcd3'
import type { Logger } from '../logger.ts'
import { createEtcdClient, type EtcdClientOptions } from './client.ts'
import { type EtcdEnvironment, etcdFromEnvironment } from './environment.ts'
import type { EtcdTls } from './tls-files.ts'

/** How to reach etcd, and as which user. Options that are not given come from the environment. */
export interface EtcdAccess {
  /** One URL or several. Default: WAYGATE_ETCD (separated by commas), or else http://127.0.0.1:2379. */
  readonly etcd?: string | readonly string[] | undefined
  /** Default: WAYGATE_ETCD_USER. */
  readonly user?: string | undefined
  /** Default: WAYGATE_ETCD_PASSWORD, or what the file has that WAYGATE_ETCD_PASSWORD_FILE names. */
  readonly password?: string | undefined
  /** PEM texts or files. Default: the files named by WAYGATE_ETCD_CA, WAYGATE_ETCD_CERT and WAYGATE_ETCD_KEY. */
  readonly tls?: EtcdTls | undefined
}

/**
 * Fills in missing options from the environment.
 *
 * @throws Error when a file that the environment names cannot be read
 */
export function withEnvironment<T extends EtcdAccess>(options: T): EtcdEnvironment & T {
  // An option that is `undefined` must not hide the one from the environment.
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...etcdFromEnvironment(process.env), ...(Object.fromEntries(given) as T) }
}

type Access = EtcdAccess & { readonly logger?: Logger | undefined }

/**
 * Converts the result of {@link withEnvironment} to the options of a client.
 *
 * @internal
 */
export function clientOptions(access: Access): EtcdClientOptions {
  const { etcd = 'http://127.0.0.1:2379', user, password, tls, logger } = access
  return { endpoints: [etcd].flat(), user, password, tls, logger }
}

/**
 * Creates a client from the result of {@link withEnvironment}. The caller must call `close()`.
 *
 * @internal
 * @throws TypeError when the endpoints or the credentials do not fit together
 */
export function openEtcd(access: Access): Etcd3 {
  return createEtcdClient(clientOptions(access))
}
