import type { Peer } from '../nodes/peer.ts'
import { warmth } from '../nodes/slow-start.ts'
import { mayServe, type PickContext, weightOf } from './balancer.ts'

/** After this many draws in vain, every peer is examined: by then most of the weight is probably unavailable. */
const MAX_DRAWS = 8

/**
 * Draws peers at random, in proportion to their weights, at a cost that does not depend on their number. A draw that
 * falls on an unavailable peer, or on one whose slow start skips this draw, is repeated. That leaves the shares of the
 * others right.
 *
 * Source: the alias method, in the form of Vose, "A linear algorithm for generating random numbers with a given
 * distribution" (1991).
 */
export class WeightedSampler {
  readonly #random: () => number
  #known: readonly Peer[] = []
  /** Peers with a weight. */
  #entries: readonly Peer[] = []
  /**
   * The part of each entry's column that is its own; the rest belongs to its alias. Undefined = all weights are equal.
   */
  #own: Float64Array | undefined = undefined
  #aliases = new Uint32Array(0)

  /** @param random from 0 to below 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  /** Returns an available peer that was not tried and is not `except`; undefined when there is none. */
  draw(peers: readonly Peer[], context: PickContext, except?: Peer): Peer | undefined {
    // The node table swaps the array whenever anything in it changes, so comparing its identity is enough.
    if (peers !== this.#known) this.#adopt(peers)
    const { length } = this.#entries
    if (length === 0) return undefined
    for (let draws = 0; draws < MAX_DRAWS; draws++) {
      const at = this.#random() * length
      let column = Math.floor(at)
      if (this.#own !== undefined && at - column >= this.#own[column]!) column = this.#aliases[column]!
      const peer = this.#entries[column]!
      if (peer === except || !mayServe(peer, context)) continue
      const part = warmth(peer, context.slowStart)
      if (part === 1 || this.#random() < part) return peer
    }
    return this.#search(context, except)
  }

  /** Draws a peer by examining all of them. */
  #search(context: PickContext, except: Peer | undefined): Peer | undefined {
    const weights = this.#entries.map(peer =>
      peer !== except && mayServe(peer, context) ? weightOf(peer, context) : 0,
    )
    let left = this.#random() * weights.reduce((sum, weight) => sum + weight, 0)
    let last: Peer | undefined
    for (const [index, weight] of weights.entries()) {
      if (weight === 0) continue
      last = this.#entries[index]
      left -= weight
      if (left < 0) break
    }
    return last
  }

  #adopt(peers: readonly Peer[]): void {
    this.#known = peers
    this.#entries = peers.filter(peer => peer.node.weight > 0)
    const weights = this.#entries.map(peer => peer.node.weight)
    if (weights.every(weight => weight === weights[0])) {
      this.#own = undefined
      return
    }
    const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length
    const own = Float64Array.from(weights, weight => weight / mean)
    this.#aliases = new Uint32Array(own.length)
    const low: number[] = []
    const high: number[] = []
    for (const [column, part] of own.entries()) (part < 1 ? low : high).push(column)
    while (low.length > 0 && high.length > 0) {
      const short = low.pop()!
      const long = high.at(-1)!
      this.#aliases[short] = long
      own[long]! -= 1 - own[short]!
      if (own[long]! < 1) low.push(high.pop()!)
    }
    // Rounding may leave columns over.
    for (const column of [...low, ...high]) own[column] = 1
    this.#own = own
  }
}
