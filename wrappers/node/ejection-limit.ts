import type { Peer } from '../../internal/nodes/peer.ts'
import type { UpstreamPeer } from './upstream-peer.ts'

/**
 * Whether one more node of a service may be left out for its failures: at most half of those that take connections
 * are (of one, that one), since the rest gets their requests, too. Beyond that, only a node that failed every
 * request of late: without it nobody loses an answer.
 *
 * @param peers of the service; UpstreamPeers, as all in the gateway's table are
 * @param isUseless whether every request to the node failed of late
 */
export function mayHoldOut(peers: readonly Peer[], isUseless: boolean): boolean {
  if (isUseless) return true
  let reachable = 0
  let heldOut = 0
  for (const peer of peers as readonly UpstreamPeer[]) {
    if (peer.node.weight === 0 || peer.node.protocol !== undefined || peer.isUnreachable) continue
    reachable++
    if (peer.breaker !== 'closed') heldOut++
  }
  return heldOut + 1 <= Math.max(1, Math.floor(reachable / 2))
}
