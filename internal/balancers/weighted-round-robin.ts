import type { Peer } from '../nodes/peer.ts'
import { type SlowStart, warmth } from '../nodes/slow-start.ts'
import type { Balancer, BalancerOptions, PickContext } from './balancer.ts'
import { CreditTree } from './credit-tree.ts'

/** How many of the peers set aside a pick looks at: enough to be soon, few enough to be cheap. */
const LOOKS = 4
/** How many turns of peers that warm up a pick may pass over; the next is taken as it is. */
const MAX_PASSED = 64
const OUT = Number.NEGATIVE_INFINITY

/** A peer that takes no part for a while, and the credit it comes back with. */
interface Outsider {
  readonly index: number
  readonly credit: number
}
const NOBODY: readonly Outsider[] = []

/**
 * Smooth weighted round-robin: weights 5, 1, 1 give a a b a c a a, never five in a row. Each pick adds
 * every candidate's weight to its credit, takes the largest credit (the first of equals) and charges it
 * the sum of the weights added. A peer that is found not available is set aside with its credit until it is
 * available again; one that was tried takes no part in that pick. A changed weight starts the sequence afresh;
 * peers that come or go leave the others' credit alone.
 *
 * The order is nginx's. Its way there looks at every peer for every pick; {@link CreditTree} finds the same
 * peer at a cost that hardly grows with their number. (A precomputed schedule would be cheaper still, but its
 * length is the sum of the weights: up to 65,535 entries for each peer.)
 *
 * A peer that warms up passes on so many of its turns, by chance, that its share is right.
 *
 * 40 ns a pick with 3 nodes, 240 ns with 1,000 (bench/balancers.ts).
 *
 * Source: nginx, "Upstream: smooth weighted round-robin balancing" (commit 52327e0627f4, 2012).
 */
export function createWeightedRoundRobin({ random = Math.random }: BalancerOptions = {}): Balancer {
  let known: readonly Peer[] = []
  let weights: number[] = []
  let tree = new CreditTree([])
  /** Those that were found not available. */
  let aside: Outsider[] = []
  /** The sum of the weights of those who take part. */
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

  /** Takes an entry out. @returns the credit to let it in again with */
  function leave(index: number): number {
    const credit = tree.credit(index)
    tree.set(index, OUT)
    total -= weights[index]!
    return credit
  }

  /** Takes out those a request has tried. Only its second try and later ones pay for the search. */
  function passOver(tried: readonly Peer[]): Outsider[] {
    return tried.flatMap(peer => {
      const index = known.indexOf(peer)
      return index === -1 || tree.credit(index) === OUT ? [] : { index, credit: leave(index) }
    })
  }

  /**
   * Lets those set aside in again that are available, looking at up to `looks` of them, each in its turn.
   *
   * @returns whether one came in
   */
  function recall(looks: number, tried: readonly Peer[]): boolean {
    let found = false
    for (let left = Math.min(looks, aside.length); left > 0; left--) {
      const each = aside.shift()!
      const peer = known[each.index]!
      if (peer.available() && !tried.includes(peer)) {
        join(each.index, each.credit)
        found = true
      } else aside.push(each)
    }
    return found
  }

  /** One turn of the sequence. @returns the index of the peer it falls on; -1 when none takes part */
  function turn(): number {
    tree.advance()
    let best = tree.best
    while (best !== -1 && !known[best]!.available()) {
      // What this turn has given it is not its own.
      aside.push({ index: best, credit: leave(best) - weights[best]! })
      best = tree.best
    }
    if (best !== -1) tree.set(best, tree.credit(best) - total)
    return best
  }

  function turnOfWarm(slowStart: SlowStart): number {
    for (let passed = 0; passed < MAX_PASSED; passed++) {
      const best = turn()
      if (best === -1) return best
      const part = warmth(known[best]!, slowStart)
      if (part === 1 || random() < part) return best
    }
    return turn()
  }

  return {
    pick(peers: readonly Peer[], { tried, slowStart }: PickContext): Peer | undefined {
      // The table swaps the array when anything in it changes, so its identity is enough to look at.
      if (peers !== known) adopt(peers)
      if (aside.length > 0) recall(LOOKS, tried)
      const passedOver = tried.length > 0 ? passOver(tried) : NOBODY
      let best = slowStart === undefined ? turn() : turnOfWarm(slowStart)
      // Nobody is left of those who took part: one that was not looked at may be back.
      if (best === -1 && recall(aside.length, tried)) best = turn()
      for (const { index, credit } of passedOver) join(index, credit)
      return best === -1 ? undefined : peers[best]
    },
  }
}
