import type { Balancer, PickContext } from '../../internal/balancers/balancer.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { Peer } from '../../internal/nodes/peer.ts'

/**
 * Uses the nodes again that were ejected for their answers, if no other node is left: a client is better off with a bad
 * answer of a node than with none.
 *
 * @returns whether a node is used again
 */
export function readmitEjected(peers: readonly Peer[]): boolean {
  if (peers.some(peer => peer.available())) return false
  return peers.filter(peer => peer.readmit()).length > 0
}

/**
 * Picks a node although none is available: one that was ejected for its answers, or, when all of them fail their checks, one of
 * those. The node table has such a panic for whole services; here it is that of the nodes that a route selects.
 */
export function pickAnyway(
  balancer: Balancer,
  peers: readonly Peer[],
  context: PickContext,
): Peer | undefined {
  if (readmitEjected(peers)) return balancer.pick(peers, context)
  const inUse = peers.filter(({ node }) => node.weight > 0)
  if (inUse.length === 0 || !inUse.every(peer => peer.isAvoided)) return undefined
  for (const peer of inUse) peer.isAvoided = false
  const peer = balancer.pick(peers, context)
  for (const peer of inUse) peer.isAvoided = true
  return peer
}

/**
 * Returns the error of a request for which no node is available: WG_CIRCUIT_OPEN with Retry-After when breakers eject
 * nodes, else WG_NO_NODE.
 *
 * @param peers of the service; empty when it has none
 */
export function noNodeError(peers: readonly Peer[]): GatewayError {
  const ejected = peers.filter(({ node, breaker }) => node.weight > 0 && breaker !== 'closed')
  if (ejected.length === 0) return new GatewayError('WG_NO_NODE')
  const retryInMs = ejected.reduce((least, peer) => Math.min(least, peer.retryInMs), Number.POSITIVE_INFINITY)
  return new GatewayError('WG_CIRCUIT_OPEN', {
    headers: { 'retry-after': String(Math.max(1, Math.ceil(retryInMs / 1_000))) },
  })
}
