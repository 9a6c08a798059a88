import type { Keys } from '../../config/keys/keys.ts'
import type { Config } from '../../config/schema.ts'
import type { EtcdClientOptions } from '../../discovery/etcd/client.ts'

/** How to reach etcd: the configured members, or else where the embedded one listens. */
export function etcdClientOptions(config: Config, keys: Keys, embeddedUrl?: string): EtcdClientOptions {
  const { endpoints = [embeddedUrl ?? `http://${config.etcd.embedded}`], user, password } = config.etcd
  return { endpoints, user, password, tls: keys.etcdTls }
}
