import type { Peer } from '../nodes/peer.ts'
import { HASH_RANGE, hashText, mix } from './text-hash.ts'

/** A power of two. The share of a node with less than a ten-thousandth of the weight is inexact. */
const SLOTS = 2 ** 16
const UNKNOWN = -1

/**
 * Maps hashes to peers. For each slot, every peer has a score that depends only on its node's id and weight, and the
 * peer with the highest score owns the slot. So a new node takes only its own share, a removed node leaves its share to
 * all others, and a changed weight moves only the difference.
 *
 * (A hash ring expresses weights as numbers of points. To avoid millions of points, the number for a weight has to
 * depend on all weights; when that number changes, up to half of all keys move.)
 *
 * The owner of a slot is found by a look at every peer when it is first needed, which takes 15 µs with 1,000 peers, and
 * is then remembered. Apart from that memory, a table is immutable.
 *
 * Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); with weights, Schindelhauer
 * and Schomaker, "Weighted distributed hash tables" (2005).
 */
export class RendezvousTable {
  readonly #peers: readonly Peer[]
  readonly #weights: Float64Array
  /** Two hashes of each node's id, because the 32 bits of one may collide. */
  readonly #first: Uint32Array
  readonly #second: Uint32Array
  readonly #owners = new Int32Array(SLOTS).fill(UNKNOWN)

  constructor(peers: readonly Peer[]) {
    this.#peers = peers
    this.#weights = Float64Array.from(peers, ({ node }) => node.weight)
    this.#first = Uint32Array.from(peers, ({ node }) => hashText(node.id))
    this.#second = Uint32Array.from(peers, ({ node }) => hashText(node.id, 1))
  }

  /** Whether the table is valid for these peers: the same ones with the same weights. */
  fits(peers: readonly Peer[]): boolean {
    if (peers.length !== this.#peers.length) return false
    return peers.every((peer, index) => {
      return peer === this.#peers[index] && peer.node.weight === this.#weights[index]
    })
  }

  /** Returns the index of the peer that a hash belongs to; -1 when no peer has a weight. */
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
   * Returns the index of the peer with the highest score for a hash among those with the highest rank above 0.
   *
   * @returns -1 when no peer has a rank above 0
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
