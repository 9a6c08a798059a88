import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import { NodeTable } from '../../internal/nodes/node-table.ts'
import type { BreakerState } from '../../internal/nodes/peer.ts'
import { mayEject, rerouteWaiting } from '../../wrappers/node/ejection.ts'
import { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import type { NodeGuard } from './node-guard.ts'
import type { LiveRules } from './service-rules.ts'

const BREAKER_MESSAGES: Readonly<Record<BreakerState, string>> = {
  closed: 'breaker closed',
  'half-open': 'breaker half-opened',
  open: 'breaker opened',
}

export interface NodeTableOptions {
  readonly config: Config
  readonly rules: LiveRules
  readonly guard: NodeGuard
  /** Called with the size of each piece of an answer's body. */
  readonly onPiece: (bytes: number) => void
  readonly logger: Logger
}

/** Creates an empty node table. Its peers have the configured connections and breakers, and each breaker change is logged. */
export function createNodeTable({ config, rules, guard, logger, onPiece }: NodeTableOptions): NodeTable {
  const { connectTimeoutMs, bodyIdleTimeoutMs, keepAliveMs, connectionsPerNode, dnsRefreshMs } =
    config.upstream
  const connection = {
    ...{ connectTimeoutMs, bodyIdleTimeoutMs, keepAliveMs, dnsRefreshMs },
    maxConnections: connectionsPerNode ?? undefined,
    allows: guard.allows,
  }
  const nodes = new NodeTable(
    node =>
      new UpstreamPeer(node, {
        ...{ connection, onPiece },
        circuit: service => rules.of(service).breaker ?? config.breaker,
        onBreaker: (peer, breaker, reason) => {
          const { service, id } = peer.node
          logger.info({ service, node: id, breaker, reason }, BREAKER_MESSAGES[breaker])
          if (reason === 'no answer') rerouteWaiting(peer, peersOf(service))
        },
        mayEject: (peer, isUseless) => mayEject(peersOf(peer.node.service), isUseless),
      }),
  )
  const peersOf = (service: string) => nodes.get(service)?.peers ?? []
  return nodes
}
