import type { Peer } from './peer.ts'

/** The slow start of a route at the moment of a pick. */
export interface SlowStart {
  /** How long the slow start lasts, milliseconds; above 0. */
  readonly windowMs: number
  /** Milliseconds on the clock of `Peer.warmingSince`. */
  readonly now: number
}

const FIRST_PART = 0.1

/**
 * Returns the part of its weight with which a peer counts. During the slow start the part grows linearly from 0.1 to 1;
 * outside of it the part is 1.
 *
 * Source: Envoy, "Slow start mode", with its minimum weight of 10%. Envoy's line starts at 0 and is cut off at 10%;
 * this one starts at 10%.
 */
export function warmth({ warmingSince }: Peer, slowStart: SlowStart | undefined): number {
  if (slowStart === undefined || warmingSince === undefined) return 1
  const passed = (slowStart.now - warmingSince) / slowStart.windowMs
  return passed >= 1 ? 1 : FIRST_PART + (1 - FIRST_PART) * passed
}
