import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import { NodeTable, type ServicePeers } from '../../internal/nodes/node-table.ts'
import type { BreakerState } from '../../internal/nodes/peer.ts'
import { findObjection, type Objection, rerouteWaiting } from '../../wrappers/node/ejection.ts'
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
  const { connectionsPerNode, ...upstream } = config.upstream
  const connection = {
    ...upstream,
    maxConnections: connectionsPerNode ?? undefined,
    allows: guard.allows,
  }
  const nodes = new NodeTable(
    node =>
      new UpstreamPeer(node, {
        ...{ connection, onPiece },
        circuit: circuitOf,
        failingOf: service => nodes.get(service)?.failing,
        onBreaker: (peer, breaker, reason) => {
          const { service, id } = peer.node
          logger.info({ service, node: id, breaker, reason }, BREAKER_MESSAGES[breaker])
          if (reason === 'no answer') rerouteWaiting(peer, peersOf(service))
        },
        mayEject: (peer, evidence) => {
          const { service, id } = peer.node
          const circuit = circuitOf(service)
          const reason = findObjection(peer, peersOf(service), evidence, circuit)
          if (reason) logObjection({ service, node: id, reason }, circuit.windowMs)
          return reason === undefined
        },
      }),
  )
  const circuitOf = (service: string) => rules.of(service).breaker ?? config.breaker
  const peersOf = (service: string) => nodes.get(service)?.peers ?? []
  const loggedAt = new WeakMap<ServicePeers, number>()
  /** Logs at most once in `periodMs` for each service: every failure may bring another one. */
  const logObjection = (fields: { service: string; node: string; reason: Objection }, periodMs: number) => {
    const service = nodes.get(fields.service)
    const now = performance.now()
    if (!service || now - (loggedAt.get(service) ?? Number.NEGATIVE_INFINITY) < periodMs) return
    loggedAt.set(service, now)
    logger.info(fields, 'node not ejected')
  }
  return nodes
}
