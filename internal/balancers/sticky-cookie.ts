import type { Peer } from '../nodes/peer.ts'
import type { Balancer, BalancerOptions } from './balancer.ts'
import { createWeightedRoundRobin } from './weighted-round-robin.ts'

/**
 * The peer whose node's id is the key, which whoever asks has from a cookie; without a key, or when that peer is gone
 * or may not be chosen, the next of `weighted-round-robin`.
 *
 * 10 ns a pick with a key, 20 ns with 1,000 nodes (bench/balancers.ts).
 *
 * Source: HAProxy, `cookie NAME insert`.
 */
export function createStickyCookie(options: BalancerOptions = {}): Balancer {
  const others = createWeightedRoundRobin(options)
  let known: readonly Peer[] = []
  let byId: ReadonlyMap<string, Peer> = new Map()
  return {
    pick(peers, context) {
      if (peers !== known) {
        known = peers
        byId = new Map(peers.map(peer => [peer.node.id, peer]))
      }
      const own = context.key === undefined ? undefined : byId.get(context.key)
      if (own?.available() && !context.tried.includes(own)) return own
      return others.pick(peers, context)
    },
  }
}
