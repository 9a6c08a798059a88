import type { Peer } from '../nodes/peer.ts'
import type { SlowStart } from '../nodes/slow-start.ts'
import { createConsistentHash } from './consistent-hash.ts'
import { createLeastRequest } from './least-request.ts'
import { createPeakEwma } from './peak-ewma.ts'
import { createStickyCookie } from './sticky-cookie.ts'
import { createWeightedRandom } from './weighted-random.ts'
import { createWeightedRoundRobin } from './weighted-round-robin.ts'

/** What a balancer may know of the request it chooses for. */
export interface PickContext {
  /** Peers this request has failed on; they are not chosen again. */
  readonly tried: readonly Peer[]
  /** What requests that belong at one peer have in common; undefined = nothing. */
  readonly key?: string | undefined
  /** Undefined = every peer counts with its whole weight. */
  readonly slowStart?: SlowStart | undefined
}

/** Chooses a peer. One instance per service; it may keep state between picks. */
export interface Balancer {
  /** An available peer that was not tried yet; undefined when there is none. */
  pick(peers: readonly Peer[], context: PickContext): Peer | undefined
  /**
   * Told how long a try took until its end. Absent where the balancer does not ask for it, which then costs
   * nothing.
   */
  observe?(peer: Peer, elapsedMs: number, end: TryEnd): void
}

/** The head of an answer came; there was none, or one that says that the node failed; or nobody waited for it. */
export type TryEnd = 'answered' | 'failed' | 'abandoned'

export interface BalancerOptions {
  /** From 0 to below 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined
  /** Milliseconds on a clock that does not go back. Default: `performance.now`. */
  readonly now?: (() => number) | undefined
}

/** Every balancer by the name that routes choose it by. */
export const BALANCERS = {
  'weighted-round-robin': createWeightedRoundRobin,
  'weighted-random': createWeightedRandom,
  'least-request': createLeastRequest,
  'peak-ewma': createPeakEwma,
  'consistent-hash': createConsistentHash,
  'sticky-cookie': createStickyCookie,
} as const satisfies Readonly<Record<string, (options?: BalancerOptions) => Balancer>>

export type BalancerName = keyof typeof BALANCERS

/** @throws RangeError for a name that is not in the list. */
export function createBalancer(name: string, options?: BalancerOptions): Balancer {
  if (!Object.hasOwn(BALANCERS, name)) throw new RangeError(`no balancer is called ${JSON.stringify(name)}`)
  return BALANCERS[name as BalancerName](options)
}
