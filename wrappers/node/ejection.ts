import { isForwardable } from '../../internal/nodes/node.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { UpstreamPeer } from './upstream-peer.ts'

/**
 * Returns whether one more node of a service may be ejected for its failures. At most half of the nodes that accept
 * connections are ejected at the same time (a single node can be ejected), because the others get their requests as well. A
 * node that failed every recent request may always be ejected: no client loses an answer by that.
 *
 * @param peers all peers of the service; each is an UpstreamPeer, as every peer of the gateway's table is
 * @param isUseless whether every recent request to the node failed
 */
export function mayEject(peers: readonly Peer[], isUseless: boolean): boolean {
  if (isUseless) return true
  let reachable = 0
  let ejected = 0
  for (const peer of peers as readonly UpstreamPeer[]) {
    if (peer.node.weight === 0 || !isForwardable(peer.node) || peer.isUnreachable) continue
    reachable++
    if (peer.breaker !== 'closed') ejected++
  }
  return ejected + 1 <= Math.max(1, Math.floor(reachable / 2))
}

/**
 * Moves the requests that wait for a hung node to other nodes, if they may be repeated and another node is available.
 *
 * @param peers all peers of the hung node's service
 */
export function rerouteWaiting(hung: UpstreamPeer, peers: readonly Peer[]): void {
  if (peers.some(peer => peer !== hung && peer.available())) hung.rerouteWaiting()
}
