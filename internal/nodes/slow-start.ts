import type { Peer } from './peer.ts'

/** The slow start of a request's route, at the moment of a pick. */
export interface SlowStart {
  /** How long a peer warms up, milliseconds; above 0. */
  readonly windowMs: number
  /** Milliseconds on the clock of `Peer.warmingSince`. */
  readonly now: number
}

const FIRST_PART = 0.1

/**
 * The part of its weight that a peer counts with: from 0.1, when it began to warm up, in a straight line to 1 at
 * the end of the window; 1 without a slow start.
 *
 * Source: Envoy, "Slow start mode", with its smallest weight of 10%. Envoy's line starts at 0 and is cut off
 * there; this one starts at 10%.
 */
export function warmth({ warmingSince }: Peer, slowStart: SlowStart | undefined): number {
  if (slowStart === undefined || warmingSince === undefined) return 1
  const passed = (slowStart.now - warmingSince) / slowStart.windowMs
  return passed >= 1 ? 1 : FIRST_PART + (1 - FIRST_PART) * passed
}
