import type { Peer } from '../nodes/peer.ts'
import { warmth } from '../nodes/slow-start.ts'
import type { PickContext } from './balancer.ts'
import type { WeightedSampler } from './weighted-sampler.ts'

/** Costs that are this near to each other count as the same: what is between them is noise. */
const SAME_COST = 1.25

/**
 * Draws two peers by weight and takes the one with less to do: cost, times requests in flight, over weight. Of two
 * with equally much, the first that was drawn, so that weights hold while nobody is busy.
 *
 * Beside a heavy peer with one request in flight, an idle light one has always less to do, and two requests at
 * once would give it half of all. So not whole requests are compared, but requests and a part of one, drawn by
 * chance.
 *
 * Source: Mitzenmacher, "The power of two choices in randomized load balancing" (2001).
 *
 * @param cost of a request to a peer, from 0; only how two costs relate matters
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

function weightOf(peer: Peer, { slowStart }: PickContext): number {
  return peer.node.weight * warmth(peer, slowStart)
}
