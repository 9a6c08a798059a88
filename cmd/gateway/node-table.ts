import type { Logger } from '../../discovery/logger.ts'
import { laneOf } from '../../internal/nodes/node.ts'
import { NodeTable, type ServicePeers } from '../../internal/nodes/node-table.ts'
import type { BreakerState, NodeProblem, Peer } from '../../internal/nodes/peer.ts'
import { findObjection, type Objection, rerouteWaiting } from '../../wrappers/node/ejection.ts'
import { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import type { LiveRules } from './service-rules.ts'
import { type ConnectOptions, transportOptions } from './transport-options.ts'

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

export interface NodeTableOptions extends ConnectOptions {
  readonly rules: LiveRules
  readonly logger: Logger
}

/** Creates an empty node table. Its peers have the configured connections and breakers, and each breaker change is logged. */
export function createNodeTable(options: NodeTableOptions): NodeTable {
  const { rules, logger } = options
  const transport = transportOptions(options)
  const nodes = new NodeTable(
    node =>
      new UpstreamPeer(node, {
        ...transport,
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
