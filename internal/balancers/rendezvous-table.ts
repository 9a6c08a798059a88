import type { Peer } from '../nodes/peer.ts'
import { hashText, mix } from './text-hash.ts'

/** A power of two. A node with less than a ten-thousandth of the weight has a share only roughly. */
const SLOTS = 2 ** 16
const HASH_RANGE = 2 ** 32
const UNKNOWN = -1

/**
 * Which peer a hash belongs to. Of every slot, a peer has a score that depends on its node's id and weight alone;
 * the highest has the slot. So a node that comes takes only what is to be its own, one that goes leaves its share
 * to all others, and a changed weight moves only the difference, for whatever weights.
 *
 * (A ring gives weights by numbers of points. How many points a weight is must depend on all weights, if there are
 * not to be millions, and where that changes, so do the places of up to half of all keys.)
 *
 * A slot's owner is found by a look at every peer when it is first asked for, 15 µs with 1,000 peers, and then
 * remembered: one look-up, and nothing to do beforehand. Immutable but for that.
 *
 * Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); with weights,
 * Schindelhauer and Schomaker, "Weighted distributed hash tables" (2005).
 */
export class RendezvousTable {
  readonly #peers: readonly Peer[]
  readonly #weights: Float64Array
  /** Two hashes of each node's id, because one of 32 bits may be that of another. */
  readonly #first: Uint32Array
  readonly #second: Uint32Array
  readonly #owners = new Int32Array(SLOTS).fill(UNKNOWN)

  constructor(peers: readonly Peer[]) {
    this.#peers = peers
    this.#weights = Float64Array.from(peers, ({ node }) => node.weight)
    this.#first = Uint32Array.from(peers, ({ node }) => hashText(node.id))
    this.#second = Uint32Array.from(peers, ({ node }) => hashText(node.id, 1))
  }

  /** Whether it holds for these peers, too: the same nodes with the same weights. */
  fits(peers: readonly Peer[]): boolean {
    if (peers.length !== this.#peers.length) return false
    return peers.every((peer, index) => {
      return peer === this.#peers[index] && peer.node.weight === this.#weights[index]
    })
  }

  /** The index of the peer that a hash belongs to; -1 when no peer has a weight. */
  ownerOf(hash: number): number {
    const slot = hash % SLOTS
    let owner = this.#owners[slot]!
    if (owner === UNKNOWN) {
      owner = this.bestOf(hash, () => 1)
      this.#owners[slot] = owner
    }
    return owner
  }

  /**
   * The index of the peer with the highest score for a hash, of those with the highest rank above 0.
   *
   * @returns -1 when there is none
   */
  bestOf(hash: number, rankOf: (index: number) => number): number {
    const slot = mix(hash % SLOTS)
    let best = UNKNOWN
    let bestRank = 0
    let bestScore = 0
    for (let index = 0; index < this.#weights.length; index++) {
      const weight = this.#weights[index]!
      const rank = weight === 0 ? 0 : rankOf(index)
      if (rank === 0 || rank < bestRank) continue
      const chance = mix(mix(slot ^ this.#first[index]!) + this.#second[index]!)
      const score = weight / -Math.log((chance + 0.5) / HASH_RANGE)
      if (rank === bestRank && score <= bestScore) continue
      best = index
      bestRank = rank
      bestScore = score
    }
    return best
  }
}
