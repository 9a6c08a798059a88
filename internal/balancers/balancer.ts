import type { Peer } from '../nodes/peer.ts'
import { type SlowStart, warmth } from '../nodes/slow-start.ts'

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
 * - `untimed`: the head of an answer came, but part of the time was the client's, which had a body to send.
 * - `failed`: no answer came, or one whose status says that the node failed.
 * - `abandoned`: nobody waited for an answer any longer.
 */
export type TryEnd = 'answered' | 'untimed' | 'failed' | 'abandoned'

/** Whether a peer is available and was not tried yet. */
export function mayServe(peer: Peer, { tried }: PickContext): boolean {
  return peer.available() && (tried.length === 0 || !tried.includes(peer))
}

/** Returns the weight with which a peer counts now: less than its node's during slow start. */
export function weightOf(peer: Peer, { slowStart }: PickContext): number {
  return peer.node.weight * warmth(peer, slowStart)
}

export interface BalancerOptions {
  /** Returns a number from 0 to below 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined
  /** Milliseconds on a monotonic clock. Default: `performance.now`. */
  readonly now?: (() => number) | undefined
}
