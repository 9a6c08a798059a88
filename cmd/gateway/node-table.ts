import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import { NodeTable } from '../../internal/nodes/node-table.ts'
import { mayHoldOut } from '../../wrappers/node/ejection-limit.ts'
import { moveWaiting } from '../../wrappers/node/reroute-waiting.ts'
import { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import type { NodeGuard } from './node-guard.ts'
import type { ServiceRules } from './service-rules.ts'

export interface LivePeersOptions {
  readonly config: Config
  /** What routes say of a service, now. */
  readonly rulesOf: (service: string) => Partial<ServiceRules>
  readonly guard: NodeGuard
  readonly logger: Logger
}

/** An empty node table, whose peers have connections and breakers as configured; each change of a breaker is logged. */
export function createNodeTable({ config, rulesOf, guard, logger }: LivePeersOptions): NodeTable {
  const { connectTimeoutMs, bodyIdleTimeoutMs, keepAliveMs, connectionsPerNode } = config.upstream
  const connection = {
    ...{ connectTimeoutMs, bodyIdleTimeoutMs, keepAliveMs },
    maxConnections: connectionsPerNode ?? undefined,
    allows: guard.allows,
  }
  const nodes = new NodeTable(
    node =>
      new UpstreamPeer(node, {
        connection,
        circuit: service => rulesOf(service).breaker ?? config.breaker,
        onBreaker: (peer, breaker, reason) => {
          const { service, id } = peer.node
          logger.info({ service, node: id, breaker, reason }, 'breaker changed')
          if (reason === 'no answer') moveWaiting(peer, peersOf(service))
        },
        mayHoldOut: (peer, isUseless) => mayHoldOut(peersOf(peer.node.service), isUseless),
      }),
  )
  const peersOf = (service: string) => nodes.get(service)?.peers ?? []
  return nodes
}
