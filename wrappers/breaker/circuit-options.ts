import type { BreakerState } from '../../internal/nodes/peer.ts'

export interface CircuitOptions {
  /** Share of failed tries from which the breaker opens, 0..1. */
  readonly failureRatio: number
  /** Tries in the window below which the ratio never opens it. */
  readonly minimumRequests: number
  readonly windowMs: number
  /** How long it stays open at first before one probe is let through; twice as long after each that fails. */
  readonly openMs: number
  /** The longest it stays open; `openMs` where that is longer. Default: `openMs`, always. */
  readonly maxOpenMs?: number | undefined
  /** Answers that take longer to their head count as failures; null, the default = none does. */
  readonly slowCallMs?: number | null | undefined
  /** Statuses that count as failures; null, the default = those of `isFailureStatus`. */
  readonly statuses?: readonly number[] | null | undefined
}

/** Why a breaker changed its state. */
export type BreakerReason =
  | 'too many failures'
  | 'too many slow calls'
  | 'no connection'
  | 'no answer'
  | 'time for a probe'
  | 'probe failed'
  | 'probe given up'
  | 'probe succeeded'
  | 'check passed'

export interface CircuitEvents {
  /** Told of every change of its state. */
  readonly onChange: (state: BreakerState, reason: BreakerReason) => void
  /**
   * Asked before it opens for failures of a node that takes connections.
   *
   * @param isUseless whether no try in the window brought a good answer, not even a slow one
   */
  readonly mayOpen?: (isUseless: boolean) => boolean
}
