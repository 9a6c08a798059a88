import type { Etcd3 } from 'etcd3'
import type { Logger } from '../logger.ts'
import { createEtcdClient, type EtcdClientOptions } from './client.ts'
import { type EtcdEnvironment, etcdFromEnvironment } from './environment.ts'
import type { EtcdTls } from './tls-credentials.ts'

/** Where the etcd is, and who we are to it; what is not given comes from the environment. */
export interface EtcdAccess {
  /** One URL or several; else WAYGATE_ETCD (separated by commas), else http://127.0.0.1:2379. */
  readonly etcd?: string | readonly string[] | undefined
  /** Else WAYGATE_ETCD_USER and WAYGATE_ETCD_PASSWORD. */
  readonly user?: string | undefined
  readonly password?: string | undefined
  /** PEM texts; else the files that WAYGATE_ETCD_CA, WAYGATE_ETCD_CERT and WAYGATE_ETCD_KEY name. */
  readonly tls?: EtcdTls | undefined
}

/**
 * The options, with what the environment says where they say nothing.
 *
 * @throws Error when a file that the environment names cannot be read
 */
export function withEnvironment<T extends EtcdAccess>(options: T): EtcdEnvironment & T {
  // `undefined` must not hide what the environment says.
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...etcdFromEnvironment(process.env), ...(Object.fromEntries(given) as T) }
}

type Access = EtcdAccess & { readonly logger?: Logger | undefined }

/** What {@link withEnvironment} gave, as a client takes it. */
export function clientOptions(access: Access): EtcdClientOptions {
  const { etcd = 'http://127.0.0.1:2379', user, password, tls, logger } = access
  return { endpoints: [etcd].flat(), user, password, tls, logger }
}

/**
 * A client for what {@link withEnvironment} gave. Whoever opened it calls `close()`.
 *
 * @throws TypeError when the endpoints or the credentials cannot work together
 */
export function openEtcd(access: Access): Etcd3 {
  return createEtcdClient(clientOptions(access))
}
