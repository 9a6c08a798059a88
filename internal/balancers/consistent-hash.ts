import type { Peer } from '../nodes/peer.ts'
import { warmth } from '../nodes/slow-start.ts'
import { type Balancer, type BalancerOptions, mayServe, type PickContext, weightOf } from './balancer.ts'
import { createLeastRequest } from './least-request.ts'
import { RendezvousTable } from './rendezvous-table.ts'
import { HASH_RANGE, hashText } from './text-hash.ts'

/** How many times its share of the requests in flight a peer may have. */
const BALANCE = 1.25

/** Ranks the peers for a key whose own peer cannot take it; higher is better. */
const RANK = { none: 0, full: 1, cold: 2, good: 3 } as const

/**
 * Picks the same peer for the same key, as long as the peer is available and has capacity: at most 1.25 times its share
 * of the requests in flight, rounded up. Otherwise it picks the next peer of the key, which is again the same for all
 * requests with that key. A peer in slow start has only part of its keys at first, and loses none of them later.
 *
 * A request without a key goes where `least-request` sends it.
 *
 * A pick takes 20 ns with 3 nodes and 30 ns with 1,000. When the key's peer is busy, all requests in flight are added
 * up, which takes 40 ns and 3 µs (bench/balancers.ts).
 *
 * Source: Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads" (2016), over a
 * {@link RendezvousTable}.
 */
export function createConsistentHash(options: BalancerOptions = {}): Balancer {
  const withoutKey = createLeastRequest(options)
  let known: readonly Peer[] = []
  let table = new RendezvousTable([])

  function pickByKey(hash: number, context: PickContext): Peer | undefined {
    const own = known[table.ownerOf(hash)]
    if (own && mayServe(own, context) && isWarmFor(hash, own, context)) {
      if (own.inFlight === 0 || hasCapacity(own, capacityPerWeight(known, context), context)) return own
    }
    const capacity = capacityPerWeight(known, context)
    return known[
      table.bestOf(hash, index => {
        const peer = known[index]!
        if (!mayServe(peer, context)) return RANK.none
        if (!hasCapacity(peer, capacity, context)) return RANK.full
        return isWarmFor(hash, peer, context) ? RANK.good : RANK.cold
      })
    ]
  }

  return {
    pick(peers, context) {
      if (context.key === undefined) return withoutKey.pick(peers, context)
      // The node table swaps the array whenever anything in it changes, so comparing its identity is enough.
      if (peers !== known) {
        known = peers
        if (!table.fits(peers)) table = new RendezvousTable(peers)
      }
      return pickByKey(hashText(context.key), context)
    },
  }
}

/** How many requests a peer may have in flight for each unit of its weight, including this one. */
function capacityPerWeight(peers: readonly Peer[], context: PickContext): number {
  let requests = 1
  let weight = 0
  for (const peer of peers) {
    if (!mayServe(peer, context)) continue
    requests += peer.inFlight
    weight += weightOf(peer, context)
  }
  return (BALANCE * requests) / weight
}

function hasCapacity(peer: Peer, capacity: number, context: PickContext): boolean {
  return peer.inFlight + 1 <= Math.ceil(capacity * weightOf(peer, context))
}

/** Whether a peer already has this key. A peer in slow start has a growing part of its keys. */
function isWarmFor(hash: number, peer: Peer, { slowStart }: PickContext): boolean {
  const part = warmth(peer, slowStart)
  return part === 1 || hashText(peer.node.id, hash) < part * HASH_RANGE
}
