import type { Health } from './health.ts'
import { isForwardable, type Node } from './node.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

/**
 * A node and what this gateway knows of it while it runs. The object stays the same while its node's
 * address does, so that a new weight loses neither breaker nor connections.
 */
export interface Peer {
  /** The newest word on the node; replaced, never changed. */
  node: Node
  /** `host:port`, as logs and /routes show it. */
  readonly address: string
  /** Requests sent whose answer has not ended. */
  inFlight: number
  /** Tries begun since this gateway knows the node. */
  requests: number
  /** Tries without an answer, or with a failure status. */
  failures: number
  /** Tries whose answer did not come in time; `failures` has them, too. */
  timeouts: number
  /** What active checks say of it. Set by the node table. */
  health: Health
  /** Whether it is left out because its check fails, while another node's does not. Set by the node table. */
  isAvoided: boolean
  /**
   * When it came, after the first table was there, or came back: its breaker closed, or its check passed again.
   * Milliseconds on the monotonic clock; undefined = it never had to warm up.
   */
  warmingSince?: number | undefined
  /** Whoever counts requests keeps here what the last one was counted with. */
  lastCounted?: object | undefined
  readonly breaker: BreakerState
  /** Milliseconds until an open breaker lets a probe through; 0 when it is not open. */
  readonly retryInMs: number
  /**
   * Whether a request may go there now: it speaks HTTP, is neither drained nor avoided, and its breaker is closed or in
   * want of a probe.
   */
  available(): boolean
  /** Its check has passed after it had failed: what the breaker holds against it is over. */
  recover(): void
  /** Ends connections and timers once the last request has ended. Called when the node is gone. */
  dispose(): void
}

/** What /routes calls the state of a node. `suspect`: in use, although the registry no longer names it. */
export type PeerState = 'up' | 'draining' | 'down' | 'suspect'

export function stateOf(peer: Peer): PeerState {
  if (peer.node.suspect) return 'suspect'
  if (!isForwardable(peer.node)) return 'down'
  if (peer.node.weight === 0) return 'draining'
  return peer.breaker === 'open' || peer.health === 'unhealthy' ? 'down' : 'up'
}
