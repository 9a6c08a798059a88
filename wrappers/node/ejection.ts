import type { Peer } from '../../internal/nodes/peer.ts'
import type { CircuitBreaker } from '../breaker/circuit-breaker.ts'
import type { CircuitBreakerOptions, Evidence } from '../breaker/circuit-breaker-options.ts'
import type { UpstreamPeer } from './upstream-peer.ts'

/** Why a node that fails stays in use. */
export type Objection = 'no other node does better' | 'half of the nodes are ejected'

/** A peer with a breaker, whose counts can be compared with those of others. */
export type ComparedPeer = Peer & Pick<CircuitBreaker, 'isUnreachable' | 'passed' | 'failed'>

/** Another node does better when the node in question fails at least this many times as often. */
const CLEARLY = 3

/**
 * Finds out whether a node may be ejected, or stay ejected after a failed probe.
 *
 * At most half of a service's nodes that accept connections are ejected at the same time (a single node can be, if it
 * hangs), because the others get their requests as well. A node that failed every recent request is ejected beyond that.
 *
 * What a node answers may be the fault of the requests. So it only counts in comparison: the node must fail clearly more
 * often than the other nodes that are in use, those left aside that fail too often themselves. If no other node did better
 * lately, or none is left, the node stays in use and its own answers go to the clients.
 *
 * @param peers all peers of the service in the node's lane; each is a ComparedPeer, as every peer with a breaker is
 * @returns undefined when the node may be ejected
 */
export function findObjection(
  peer: ComparedPeer,
  peers: readonly Peer[],
  evidence: Evidence,
  { failureRatio, ejectLastNode }: Pick<CircuitBreakerOptions, 'failureRatio' | 'ejectLastNode'>,
): Objection | undefined {
  const others = (peers as readonly ComparedPeer[]).filter(
    each => each !== peer && each.node.weight > 0 && !each.isUnreachable,
  )
  const inUse = others.filter(each => each.breaker === 'closed')
  const ejectedWithPeer = others.length - inUse.length + 1
  const isLimitReached = ejectedWithPeer > Math.max(1, Math.floor((others.length + 1) / 2))
  if (isLimitReached && evidence !== 'fails always') return 'half of the nodes are ejected'
  if (evidence === 'hangs' || ejectLastNode === true) return undefined

  let passed = 0
  let failed = 0
  let weight = 0
  for (const each of inUse) {
    if (each.isAvoided || each.failed >= failureRatio * Math.max(1, each.passed + each.failed)) continue
    passed += each.passed
    failed += each.failed
    weight += each.node.weight
  }
  if (passed === 0) {
    // Nothing is known of the others. They may get a chance, but not all of them, and not the requests of a larger node.
    if (weight === 0 || weight < peer.node.weight) return 'no other node does better'
    return isLimitReached ? 'half of the nodes are ejected' : undefined
  }
  const share = evidence === 'fails always' ? 1 : peer.failed / (peer.passed + peer.failed)
  return share < CLEARLY * (failed / (passed + failed)) ? 'no other node does better' : undefined
}

/**
 * Moves the requests that wait for a hung node to other nodes, if they may be repeated and another node is available.
 *
 * @param peers all peers of the hung node's service in its lane
 */
export function rerouteWaiting(hung: UpstreamPeer, peers: readonly Peer[]): void {
  if (peers.some(peer => peer !== hung && peer.available())) hung.rerouteWaiting()
}
