import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import { laneOf } from '../../internal/nodes/node.ts'
import { NodeTable, type ServicePeers } from '../../internal/nodes/node-table.ts'
import type { BreakerState, NodeProblem, Peer } from '../../internal/nodes/peer.ts'
import type { SessionCounts } from '../../wrappers/http2/session-pool.ts'
import type { Names } from '../../wrappers/names/names.ts'
import { findObjection, type Objection, rerouteWaiting } from '../../wrappers/node/ejection.ts'
import { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import type { TlsSettings } from '../../wrappers/transport/node-tls.ts'
import type { NodeGuard } from './node-guard.ts'
import type { LiveRules } from './service-rules.ts'

const BREAKER_MESSAGES: Readonly<Record<BreakerState, string>> = {
  closed: 'breaker closed',
  'half-open': 'breaker half-opened',
  open: 'breaker opened',
}

const PROBLEM_MESSAGES: Readonly<Record<NodeProblem['kind'], string>> = {
  protocol: 'node speaks another protocol',
  tls: 'TLS connection to node failed',
  silent: 'node ends connections without an answer',
}

export interface NodeTableOptions {
  readonly config: Config
  readonly rules: LiveRules
  readonly guard: NodeGuard
  /** Resolves the hosts of nodes. */
  readonly names: Names
  /** Returns the present settings of TLS with the nodes of a service. */
  readonly tlsOf: (service: string) => TlsSettings
  /** Counts what becomes of the HTTP/2 connections to nodes. */
  readonly sessionCounts: SessionCounts
  /** Called with the size of each piece of an answer's body. */
  readonly onPiece: (bytes: number) => void
  readonly logger: Logger
}

/** Creates an empty node table. Its peers have the configured connections and breakers, and each breaker change is logged. */
export function createNodeTable(options: NodeTableOptions): NodeTable {
  const { config, rules, guard, names, tlsOf, sessionCounts, logger, onPiece } = options
  const { connectionsPerNode, http2, dns: _, tls: __, ...rest } = config.upstream
  const upstream = { ...rest, names }
  const connection = {
    ...upstream,
    maxConnections: connectionsPerNode ?? undefined,
    allows: guard.allows,
  }
  const session = {
    ...upstream,
    ...http2,
    maxSessions: http2.connectionsPerNode ?? undefined,
    streamsPerSession: http2.streamsPerConnection,
    counts: sessionCounts,
    allows: guard.allows,
  }
  const nodes = new NodeTable(
    node =>
      new UpstreamPeer(node, {
        ...{ connection, session, tlsOf, onPiece },
        circuit: circuitOf,
        failingOf: (service, lane) => nodes.get(service, lane)?.failing,
        onBreaker: (peer, breaker, reason) => {
          const { service, id } = peer.node
          logger.info({ service, node: id, breaker, reason }, BREAKER_MESSAGES[breaker])
          if (reason === 'no answer' || reason === 'no connection')
            rerouteWaiting(peer, othersOf(peer)?.peers ?? [])
        },
        mayEject: (peer, evidence) => {
          const circuit = circuitOf(peer.node.service)
          const reason = findObjection(peer, othersOf(peer)?.peers ?? [], evidence, circuit)
          if (reason) logObjection(peer, reason, circuit.windowMs)
          return reason === undefined
        },
        onProblem({ node }, { kind, reason }) {
          const { service, id, protocol = 'http' } = node
          logger.warn({ service, node: id, protocol, reason }, PROBLEM_MESSAGES[kind])
        },
      }),
  )
  const circuitOf = (service: string) => rules.circuitOf(service)
  const othersOf = ({ node }: Peer) => nodes.get(node.service, laneOf(node))
  const loggedAt = new WeakMap<ServicePeers, number>()
  /** Logs at most once in `periodMs` for each lane of a service: every failure may bring another one. */
  const logObjection = (peer: Peer, reason: Objection, periodMs: number) => {
    const others = othersOf(peer)
    const now = performance.now()
    if (!others || now - (loggedAt.get(others) ?? Number.NEGATIVE_INFINITY) < periodMs) return
    loggedAt.set(others, now)
    logger.info({ service: peer.node.service, node: peer.node.id, reason }, 'node not ejected')
  }
  return nodes
}
