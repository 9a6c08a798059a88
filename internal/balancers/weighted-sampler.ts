import type { Peer } from '../nodes/peer.ts'
import { warmth } from '../nodes/slow-start.ts'
import type { PickContext } from './balancer.ts'

/** Draws in vain before every peer is looked at: by then most of the weight is not there to be drawn. */
const MAX_DRAWS = 8

/**
 * Draws peers by chance, each as often as its weight says, at a cost that does not depend on their number. Who
 * may not be drawn, or is still too cold, is drawn again, which leaves the shares of the others right.
 *
 * Source: the alias method, in the form of Vose, "A linear algorithm for generating random numbers with a given
 * distribution" (1991).
 */
export class WeightedSampler {
  readonly #random: () => number
  #known: readonly Peer[] = []
  /** Peers with a weight. */
  #entries: readonly Peer[] = []
  /** Of each entry's column, the part that is its own; the rest is its alias's. Undefined: all weigh the same. */
  #own: Float64Array | undefined = undefined
  #aliases = new Uint32Array(0)

  /** @param random from 0 to below 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  /** An available peer that was not tried and is not `except`; undefined when there is none. */
  draw(peers: readonly Peer[], context: PickContext, except?: Peer): Peer | undefined {
    // The table swaps the array when anything in it changes, so its identity is enough to look at.
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

  /** The same by a look at every peer. */
  #search(context: PickContext, except: Peer | undefined): Peer | undefined {
    const weights = this.#entries.map(peer =>
      peer !== except && mayServe(peer, context) ? peer.node.weight * warmth(peer, context.slowStart) : 0,
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
    // What rounding has left over.
    for (const column of [...low, ...high]) own[column] = 1
    this.#own = own
  }
}

function mayServe(peer: Peer, { tried }: PickContext): boolean {
  return peer.available() && (tried.length === 0 || !tried.includes(peer))
}
