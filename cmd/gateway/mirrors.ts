import { credentialHeadersOf, identityHeadersOf } from '../../config/load/route-context.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { Mirrors } from '../../middleware/policies/mirror.ts'
import { createSessionCounts } from '../../wrappers/http2/session-pool.ts'
import { Shadows } from '../../wrappers/mirror/shadows.ts'
import { createTransport } from '../../wrappers/node/transports.ts'
import type { Settings } from './settings.ts'
import { type ConnectOptions, transportOptions } from './transport-options.ts'

export interface MirrorsOptions extends Omit<ConnectOptions, 'sessionCounts'> {
  readonly nodes: NodeTable
  readonly settings: Settings
}

/** What sends the copies of requests. The owner calls `nodesChanged` and `close`. */
export interface LiveMirrors extends Mirrors, Pick<Shadows, 'nodesChanged' | 'close'> {}

/** What is said of certificates of clients, here or by a proxy in front of us. */
const CERTIFICATES = /^(?:x-)?(?:forwarded-)?client-cert/

/** Creates what sends the copies of requests, with connections like those to nodes, and none in common with them. */
export function createMirrors(options: MirrorsOptions): LiveMirrors {
  const { config, nodes, settings } = options
  const transport = transportOptions({ ...options, sessionCounts: createSessionCounts() })
  const shadows = new Shadows({ nodes, createTransport: peer => createTransport(peer, transport) })
  const names = settings.derive(
    now => new Set([...credentialHeadersOf(now.config), ...identityHeadersOf(now.config)]),
  )
  return {
    memory: { bytes: 0, maxBytes: config.mirrors.totalBytes },
    inFlight: new Map(),
    isCredential: name => names.current.has(name) || CERTIFICATES.test(name),
    send: (request, call, timeoutMs) => shadows.send(request, call, timeoutMs),
    nodesChanged: service => shadows.nodesChanged(service),
    close: () => shadows.close(),
  }
}
