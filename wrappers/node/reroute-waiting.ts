import type { Peer } from '../../internal/nodes/peer.ts'
import type { UpstreamPeer } from './upstream-peer.ts'

/**
 * A node was found to hang: what waits for it and may be asked elsewhere goes to another node, if there is one.
 *
 * @param peers of its service
 */
export function moveWaiting(hung: UpstreamPeer, peers: readonly Peer[]): void {
  if (peers.some(peer => peer !== hung && peer.available())) hung.moveWaiting()
}
