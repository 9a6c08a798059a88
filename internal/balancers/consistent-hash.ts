import type { Balancer, BalancerOptions, PickContext } from '../balancer.ts'
import type { Peer } from '../peer.ts'
import { warmth } from '../slow-start.ts'
import { HashRing } from './hash-ring.ts'
import { createLeastRequest } from './least-request.ts'
import { hashText } from './text-hash.ts'

/** How far above its share of the requests in flight a peer may come. */
const BALANCE = 1.25
const HASH_RANGE = 2 ** 32

/**
 * The same peer for the same key, as long as it is there and has room: at most 1.25 times its share of the
 * requests in flight, rounded up. Else the next on the ring, which is again the same for all requests with that key.
 * A peer that warms up has only part of its keys at first, and never gives one of them back.
 *
 * A request without a key goes where `least-request` sends it.
 *
 * 120 ns a pick with 3 nodes, 200 ns with 1,000; where the key's peer is busy all requests in flight are
 * added up, 3 µs with 1,000 nodes (bench/balancers.ts). The ring is made anew when ids or weights change.
 *
 * Source: Mirrokni, Thorup and Zadimoghaddam, "Consistent hashing with bounded loads" (2016); {@link HashRing}.
 */
export function createConsistentHash(options: BalancerOptions = {}): Balancer {
  const withoutKey = createLeastRequest(options)
  let known: readonly Peer[] = []
  let places: readonly string[] = []
  let ring = new HashRing([])
  /** The pick at which each peer was last seen: one has many points, and is asked once. */
  let seenAt = new Uint32Array(0)
  let picks = 0

  function adopt(peers: readonly Peer[]): void {
    known = peers
    const now = peers.map(({ node }) => `${node.weight} ${node.id}`)
    if (now.length === places.length && now.every((place, index) => place === places[index])) return
    places = now
    ring = new HashRing(peers)
    seenAt = new Uint32Array(peers.length)
    picks = 0
  }

  function nextPick(): number {
    if (picks === 0xffff_ffff) {
      seenAt.fill(0)
      picks = 0
    }
    return ++picks
  }

  function pickByKey(hash: number, context: PickContext): Peer | undefined {
    const pick = nextPick()
    let capacity = -1
    let cold: Peer | undefined
    let full: Peer | undefined
    let unseen = known.length
    for (let left = ring.size, place = ring.placeOf(hash); left > 0 && unseen > 0; left--) {
      const owner = ring.ownerAt(place)
      place = place + 1 === ring.size ? 0 : place + 1
      if (seenAt[owner] === pick) continue
      seenAt[owner] = pick
      unseen--
      const peer = known[owner]!
      if (!mayServe(peer, context)) continue
      if (peer.inFlight > 0) {
        if (capacity === -1) capacity = capacityPerWeight(known, context)
        if (peer.inFlight + 1 > Math.ceil(capacity * weightOf(peer, context))) {
          full ??= peer
          continue
        }
      }
      if (isWarmFor(hash, peer, context)) return peer
      cold ??= peer
    }
    return cold ?? full
  }

  return {
    pick(peers, context) {
      if (context.key === undefined) return withoutKey.pick(peers, context)
      // The table swaps the array when anything in it changes, so its identity is enough to look at.
      if (peers !== known) adopt(peers)
      return pickByKey(hashText(context.key), context)
    },
  }
}

/** What a peer may have in flight for each unit of its weight, this request included. */
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

function weightOf(peer: Peer, { slowStart }: PickContext): number {
  return peer.node.weight * warmth(peer, slowStart)
}

/** Whether a key is among the part of its keys that a peer has already; a warmer one has those and more. */
function isWarmFor(hash: number, peer: Peer, { slowStart }: PickContext): boolean {
  const part = warmth(peer, slowStart)
  return part === 1 || hashText(peer.node.id, hash) < part * HASH_RANGE
}

function mayServe(peer: Peer, { tried }: PickContext): boolean {
  return peer.available() && (tried.length === 0 || !tried.includes(peer))
}
