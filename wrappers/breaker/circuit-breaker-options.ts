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
  /** gRPC statuses that count as failures, 1..16; undefined = none. */
  readonly grpcFailures?: readonly number[] | undefined
  /**
   * Whether what the node answers opens the breaker in any case. Default: only when another node of the service does
   * better, and not for requests that fail wherever they go.
   */
  readonly ejectLastNode?: boolean | undefined
}

/**
 * What speaks against a node that accepts connections.
 * - `hangs`: consecutive tries were not answered in time.
 * - `fails often`: the share of failed tries is too high, and some tries got a good answer.
 * - `fails always`: no try in the window got a good answer, not even a slow one, or the probe failed.
 */
export type Evidence = 'hangs' | 'fails often' | 'fails always'

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
  | 'no better node'

export interface CircuitBreakerEvents {
  /** Is called at every change of state. */
  readonly onChange: (state: BreakerState, reason: BreakerReason) => void
  /**
   * Decides whether the breaker may open, which ejects its node, or stay open after a probe that failed. Is not asked
   * about a node that accepts no connections. Default: always.
   */
  readonly mayOpen?: (evidence: Evidence) => boolean
}
