import type { LoadedConfig } from '../../config/load/load.ts'
import { tlsPortOf } from '../../config/load/tls-rules.ts'
import { parseAddress } from '../../internal/nodes/node.ts'
import { listenFailure } from './child.ts'

export interface DemoPorts {
  readonly loaded: LoadedConfig
  /** Default ports on which other processes listen. */
  readonly taken: readonly number[]
}

/**
 * Replaces each default port that is taken by 0, any free port, since the user did not choose it. A port that the user
 * chose is kept, and binding it fails when it is taken.
 */
export async function avoidTakenPorts(loaded: LoadedConfig): Promise<DemoPorts> {
  const { config, sourceOf } = loaded
  const taken: number[] = []
  const portFor = async (path: string, host: string, port: number): Promise<number> => {
    if (sourceOf(path) !== 'default' || port === 0) return port
    if ((await listenFailure(host, port))?.code !== 'EADDRINUSE') return port
    taken.push(port)
    return 0
  }
  const port = await portFor('port', config.host, config.port)
  const adminPort = await portFor('adminPort', config.adminHost, config.adminPort)
  const tlsPort = tlsPortOf(config.tls)
  const tls =
    tlsPort === undefined
      ? config.tls
      : { ...config.tls, port: await portFor('tls.port', config.tls.host ?? config.host, tlsPort) }
  const etcd = parseAddress(config.etcd.embedded)
  const etcdPort = await portFor('etcd.embedded', etcd.host, etcd.port)
  const embedded = etcdPort === etcd.port ? config.etcd.embedded : `${etcd.host}:${etcdPort}`
  return {
    loaded: { ...loaded, config: { ...config, port, adminPort, tls, etcd: { ...config.etcd, embedded } } },
    taken,
  }
}
