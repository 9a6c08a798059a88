import type { Peer } from '../nodes/peer.ts'
import type { Balancer, BalancerOptions } from './balancer.ts'
import { pickOfTwo } from './two-choices.ts'
import { WeightedSampler } from './weighted-sampler.ts'

/** After this time without a new measurement, an estimate has decayed to 1/e. Finagle's default. */
const DECAY_MS = 10_000
/** How many times the usual latency a failure counts as. */
const FAILURE_FACTOR = 2
const MAX_FAILURE_MS = 10_000
/** The share by which one answer moves the usual latency of the service. */
const USUAL_PART = 0.1

interface Estimate {
  latencyMs: number
  /** When it was made. */
  at: number
}

/**
 * Draws two peers by weight and picks the one that is likely to answer first: latency times requests in flight, over
 * weight. The latency is the time to the head of an answer. A slower answer raises the estimate at once and in full;
 * faster ones lower it over ten seconds. Without requests the estimate decays to nothing, so that a node that was slow
 * is tried again.
 *
 * A failure counts as at least twice the usual latency of the peer and of the service, and twice that again when the
 * next try fails as well. Otherwise a node that fails fast would attract all requests. An abandoned try took at least
 * as long as it lasted. An answer that cannot be timed took as long as is usual, or less if it came earlier; without it, the
 * peers whose last timed try is longest ago would get all requests. A peer without an answer so far gets one request, and
 * no second one before the first is answered.
 *
 * A pick takes 120 ns with 3 nodes and 140 ns with 1,000 (bench/balancers.ts).
 *
 * Source: Finagle's `PeakEwma`; {@link pickOfTwo}.
 */
export function createPeakEwma({
  random = Math.random,
  now = () => performance.now(),
}: BalancerOptions = {}): Balancer {
  const sampler = new WeightedSampler(random)
  const estimates = new WeakMap<Peer, Estimate>()
  let usualMs = 0

  function costAt(time: number, peer: Peer): number {
    const estimate = estimates.get(peer)
    if (estimate === undefined) return peer.inFlight === 0 ? 0 : Number.MAX_SAFE_INTEGER
    // Failures alone say nothing of how long answers take, so there is nothing yet to compare with.
    if (usualMs === 0) return 0
    return estimate.latencyMs * Math.exp((estimate.at - time) / DECAY_MS)
  }

  return {
    pick(peers, context) {
      const time = now()
      return pickOfTwo(sampler, peers, context, random, peer => costAt(time, peer))
    },
    observe(peer, elapsedMs, end) {
      const at = now()
      const known = estimates.get(peer)
      const before = known?.latencyMs ?? 0
      // An abandoned try would have taken longer, by an unknown time, so it can only raise the estimate.
      if (end === 'abandoned' && elapsedMs <= before) return
      let latencyMs = elapsedMs
      if (end === 'untimed') latencyMs = Math.min(elapsedMs, usualMs)
      else if (end === 'failed') {
        const failureMs = FAILURE_FACTOR * Math.max(before, usualMs)
        latencyMs = Math.max(elapsedMs, Math.min(MAX_FAILURE_MS, failureMs))
      }
      if (end === 'answered') usualMs += (usualMs === 0 ? 1 : USUAL_PART) * (elapsedMs - usualMs)
      if (known === undefined) {
        estimates.set(peer, { latencyMs, at })
        return
      }
      const kept = Math.exp((known.at - at) / DECAY_MS)
      known.latencyMs = latencyMs > before ? latencyMs : before * kept + latencyMs * (1 - kept)
      known.at = at
    },
  }
}
