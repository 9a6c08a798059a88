import type { Balancer, PickContext } from '../balancer.ts'
import type { Peer } from '../peer.ts'

/**
 * Smooth weighted round-robin: weights 5, 1, 1 give a a b a c a a, never five in a row. Each pick adds
 * every candidate's weight to its credit, takes the largest credit (the first of equals) and charges it
 * the sum of the weights added. Peers that are not available or were tried take no part and keep their
 * credit. A changed weight starts the sequence afresh; peers that come or go leave the others' credit alone.
 *
 * Source: nginx, "Upstream: smooth weighted round-robin balancing" (commit 52327e0627f4, 2012).
 */
export function createWeightedRoundRobin(): Balancer {
  let known: readonly Peer[] = []
  let weights: number[] = []
  let credits: number[] = []

  function adopt(peers: readonly Peer[]): void {
    const before = new Map(known.map((peer, index) => [peer, index]))
    let reweighted = false
    const kept = peers.map(peer => {
      const index = before.get(peer)
      if (index === undefined) return 0
      reweighted ||= weights[index] !== peer.node.weight
      return credits[index]!
    })
    known = peers
    weights = peers.map(peer => peer.node.weight)
    credits = reweighted ? peers.map(() => 0) : kept
  }

  return {
    pick(peers: readonly Peer[], { tried }: PickContext): Peer | undefined {
      // The table swaps the array when anything in it changes, so its identity is enough to look at.
      if (peers !== known) adopt(peers)
      let total = 0
      let best = -1
      let bestCredit = Number.NEGATIVE_INFINITY
      for (let index = 0; index < peers.length; index++) {
        const peer = peers[index]!
        const weight = weights[index]!
        if (weight === 0 || !peer.available() || (tried.length > 0 && tried.includes(peer))) continue
        const credit = credits[index]! + weight
        credits[index] = credit
        total += weight
        if (credit > bestCredit) {
          best = index
          bestCredit = credit
        }
      }
      if (best === -1) return undefined
      credits[best] = bestCredit - total
      return peers[best]
    },
  }
}
