import type { Peer } from '../nodes/peer.ts'
import type { SlowStart } from '../nodes/slow-start.ts'

/** What a balancer may know of the request it chooses a peer for. */
export interface PickContext {
  /** Peers that have already failed this request. They are not chosen again. */
  readonly tried: readonly Peer[]
  /** The key shared by requests that belong on the same peer; undefined = none. */
  readonly key?: string | undefined
  /** Undefined = every peer counts with its full weight. */
  readonly slowStart?: SlowStart | undefined
}

/** Chooses a peer. Each service has an instance of its own, which may keep state between picks. */
export interface Balancer {
  /** Returns an available peer that was not tried yet; undefined when there is none. */
  pick(peers: readonly Peer[], context: PickContext): Peer | undefined
  /**
   * Is called at the end of each try with how long the try took. A balancer that does not measure leaves this out,
   * and its tries are not timed.
   */
  observe?(peer: Peer, elapsedMs: number, end: TryEnd): void
}

/**
 * How a try ended.
 * - `answered`: the head of an answer came.
 * - `failed`: no answer came, or one whose status says that the node failed.
 * - `abandoned`: nobody waited for an answer any longer.
 */
export type TryEnd = 'answered' | 'failed' | 'abandoned'

export interface BalancerOptions {
  /** Returns a number from 0 to below 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined
  /** Milliseconds on a monotonic clock. Default: `performance.now`. */
  readonly now?: (() => number) | undefined
}
