import type { Config } from '../../config/schema.ts'
import { createSessionCounts } from '../../wrappers/http2/session-pool.ts'
import type { PeerOptions } from '../../wrappers/node/upstream-peer.ts'

/** The defaults of `upstream.http2`. */
export const UPSTREAM_HTTP2: Config['upstream']['http2'] = {
  connectionsPerNode: null,
  streamsPerConnection: 100,
  streamWindowBytes: 262_144,
  connectionWindowBytes: 16_777_216,
  cancels: { burst: 200, perSecond: 10 },
}

/** The defaults of `upstream.tls`. */
export const UPSTREAM_TLS: Config['upstream']['tls'] = { minVersion: 'TLSv1.2', verify: true, identities: {} }

/** Returns what a peer needs for a node that speaks HTTP/2. */
export function sessionOptions(options: Partial<PeerOptions['session']> = {}): PeerOptions['session'] {
  const { streamWindowBytes, connectionWindowBytes, cancels } = UPSTREAM_HTTP2
  return {
    ...{ connectTimeoutMs: 2_000, bodyIdleTimeoutMs: 0, keepAliveMs: 4_000, answerHeadBytes: 16_384 },
    ...{ streamsPerSession: 100, streamWindowBytes, connectionWindowBytes, cancels },
    counts: createSessionCounts(),
    ...options,
  }
}
