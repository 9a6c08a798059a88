import type { Peer } from '../nodes/peer.ts'
import { type PickContext, weightOf } from './balancer.ts'
import type { WeightedSampler } from './weighted-sampler.ts'

/** Costs within this factor of each other count as equal, because the difference is noise. */
const SAME_COST = 1.25

/**
 * Draws two peers by weight and picks the one with the lower load: cost times requests in flight, over weight. Of two
 * equal loads it picks the peer that was drawn first, so that shares follow the weights while no peer is busy.
 *
 * An idle light peer always has a lower load than a heavy peer with one request in flight. With two concurrent requests
 * the light peer would get half of all. So a random part of a request is added to both before they are compared.
 *
 * Source: Mitzenmacher, "The power of two choices in randomized load balancing" (2001).
 *
 * @param cost returns the cost of a request to a peer, at least 0; only the ratio of two costs matters
 */
export function pickOfTwo(
  sampler: WeightedSampler,
  peers: readonly Peer[],
  context: PickContext,
  random: () => number,
  cost: (peer: Peer) => number,
): Peer | undefined {
  const first = sampler.draw(peers, context)
  if (first === undefined || peers.length === 1) return first
  const second = sampler.draw(peers, context, first)
  if (second === undefined) return first
  let firstCost = cost(first)
  let secondCost = cost(second)
  const same = firstCost <= secondCost * SAME_COST && secondCost <= firstCost * SAME_COST
  if (same) {
    firstCost = 1
    secondCost = 1
  }
  if (first.inFlight === 0 && second.inFlight === 0) return secondCost < firstCost ? second : first
  const part = same ? random() : 1
  const firstLoad = (firstCost * (first.inFlight + part)) / weightOf(first, context)
  const secondLoad = (secondCost * (second.inFlight + part)) / weightOf(second, context)
  return secondLoad < firstLoad ? second : first
}
