import type { BreakerState } from '../../internal/nodes/peer.ts'

export interface CircuitBreakerOptions {
  /** Share of failed tries at which the breaker opens, 0..1. */
  readonly failureRatio: number
  /** With fewer tries in the window, the ratio never opens the breaker. */
  readonly minimumRequests: number
  readonly windowMs: number
  /** How long the breaker first stays open before it lets a probe through; doubled after each failed probe. */
  readonly openMs: number
  /** The longest time it stays open; `openMs` where that is longer. Default: `openMs`, so it is never doubled. */
  readonly maxOpenMs?: number | undefined
  /** Answers whose head takes longer count as failures; null, the default = none does. */
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
  | 'open time elapsed'
  | 'probe failed'
  | 'probe aborted'
  | 'probe succeeded'
  | 'check passed'

export interface CircuitBreakerEvents {
  /** Is called at every change of state. */
  readonly onChange: (state: BreakerState, reason: BreakerReason) => void
  /**
   * Decides whether the breaker may open, which ejects its node, for failures of a node that accepts connections.
   * Default: always.
   *
   * @param isUseless whether no try in the window brought a good answer, not even a slow one
   */
  readonly mayOpen?: (isUseless: boolean) => boolean
}
