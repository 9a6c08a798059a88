import type { Peer } from '../nodes/peer.ts'
import { type SlowStart, warmth } from '../nodes/slow-start.ts'
import type { Balancer, BalancerOptions, PickContext } from './balancer.ts'
import { CreditTree } from './credit-tree.ts'

/** How many of the peers that were set aside each pick checks: enough to notice soon, few enough to be cheap. */
const MAX_CHECKED = 4
/** How many turns of peers in slow start a pick may skip. It takes the next turn as it is. */
const MAX_SKIPPED = 64
const OUT = Number.NEGATIVE_INFINITY

/** A peer that is set aside for a while, and the credit with which it comes back. */
interface Outsider {
  readonly index: number
  readonly credit: number
}
const NONE: readonly Outsider[] = []

/**
 * Smooth weighted round-robin: weights 5, 1, 1 give a a b a c a a, never five in a row. Each pick adds the weight of
 * every candidate to its credit, picks the largest credit (the first of equals), and subtracts the sum of these weights
 * from it. A peer that is not available is set aside with its credit until it is available again. A peer that the
 * request has tried takes no part in the pick. A changed weight restarts the sequence. Peers that come or go do not
 * affect the credit of others.
 *
 * The order is that of nginx, which looks at every peer for every pick. {@link CreditTree} finds the same peer at a
 * cost that hardly grows with the number of peers. (A precomputed schedule would be cheaper still, but its length is
 * the sum of the weights: up to 65,535 entries for each peer.)
 *
 * A peer in slow start skips turns at random, as many as its reduced share requires.
 *
 * A pick takes 40 ns with 3 nodes and 240 ns with 1,000 (bench/balancers.ts).
 *
 * Source: nginx, "Upstream: smooth weighted round-robin balancing" (commit 52327e0627f4, 2012).
 */
export function createWeightedRoundRobin({ random = Math.random }: BalancerOptions = {}): Balancer {
  let known: readonly Peer[] = []
  let weights: number[] = []
  let tree = new CreditTree([])
  /** Peers that were found not available. */
  let aside: Outsider[] = []
  /** The sum of the weights of the peers that take part. */
  let total = 0

  function adopt(peers: readonly Peer[]): void {
    const before = new Map(known.map((peer, index) => [peer, index]))
    const creditsAside = new Map(aside.map(({ index, credit }) => [index, credit]))
    let reweighted = false
    const kept = peers.map(peer => {
      const index = before.get(peer)
      if (index === undefined) return 0
      reweighted ||= weights[index] !== peer.node.weight
      const credit = creditsAside.get(index) ?? tree.credit(index)
      return Number.isFinite(credit) ? credit : 0
    })
    known = peers
    weights = peers.map(peer => peer.node.weight)
    tree = new CreditTree(weights)
    aside = []
    total = 0
    for (const [index, peer] of peers.entries()) {
      const credit = reweighted ? 0 : kept[index]!
      if (peer.available()) join(index, credit)
      else if (weights[index]! > 0) aside.push({ index, credit })
    }
  }

  function join(index: number, credit: number): void {
    tree.set(index, credit)
    total += weights[index]!
  }

  /** Takes an entry out. @returns the credit with which to let it in again */
  function leave(index: number): number {
    const credit = tree.credit(index)
    tree.set(index, OUT)
    total -= weights[index]!
    return credit
  }

  /** Takes out the peers that a request has tried. Only second and later tries pay for the search. */
  function passOver(tried: readonly Peer[]): Outsider[] {
    return tried.flatMap(peer => {
      const index = known.indexOf(peer)
      return index === -1 || tree.credit(index) === OUT ? [] : { index, credit: leave(index) }
    })
  }

  /**
   * Lets peers that were set aside take part again when they are available. Checks up to `max` of them, in turn.
   *
   * @returns whether a peer takes part again
   */
  function recall(max: number, tried: readonly Peer[]): boolean {
    let found = false
    for (let left = Math.min(max, aside.length); left > 0; left--) {
      const each = aside.shift()!
      const peer = known[each.index]!
      if (peer.available() && !tried.includes(peer)) {
        join(each.index, each.credit)
        found = true
      } else aside.push(each)
    }
    return found
  }

  /** Plays one turn of the sequence. @returns the index of the peer whose turn it is; -1 when none takes part */
  function turn(): number {
    tree.advance()
    let best = tree.best
    while (best !== -1 && !known[best]!.available()) {
      // The weight that this turn has added is taken back.
      aside.push({ index: best, credit: leave(best) - weights[best]! })
      best = tree.best
    }
    if (best !== -1) tree.set(best, tree.credit(best) - total)
    return best
  }

  function turnOfWarm(slowStart: SlowStart): number {
    for (let skipped = 0; skipped < MAX_SKIPPED; skipped++) {
      const best = turn()
      if (best === -1) return best
      const part = warmth(known[best]!, slowStart)
      if (part === 1 || random() < part) return best
    }
    return turn()
  }

  return {
    pick(peers: readonly Peer[], { tried, slowStart }: PickContext): Peer | undefined {
      // The node table swaps the array whenever anything in it changes, so comparing its identity is enough.
      if (peers !== known) adopt(peers)
      if (aside.length > 0) recall(MAX_CHECKED, tried)
      const passedOver = tried.length > 0 ? passOver(tried) : NONE
      let best = slowStart === undefined ? turn() : turnOfWarm(slowStart)
      // No participant is left, but a peer that was set aside and not checked may be available again.
      if (best === -1 && recall(aside.length, tried)) best = turn()
      for (const { index, credit } of passedOver) join(index, credit)
      return best === -1 ? undefined : peers[best]
    },
  }
}
