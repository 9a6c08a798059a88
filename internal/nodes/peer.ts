import type { LiveTimes } from '../telemetry/live-times.ts'
import type { Health } from './health.ts'
import { laneOf, type Node } from './node.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

/** What keeps a node from being used at all. */
export interface NodeProblem {
  /**
   * `protocol`: it speaks another protocol than it is registered with. `tls`: TLS with it fails. `silent`: it has only ended
   * connections so far, as some servers of TLS do that are registered without.
   */
  readonly kind: 'protocol' | 'tls' | 'silent'
  /** What was found, and the cure, for people. */
  readonly reason: string
}

/**
 * A process's live view of a node. The object stays the same as long as the address of its node does, so that a new
 * weight costs neither the breaker nor the connections.
 */
export interface Peer {
  /** The current description of the node; replaced, never changed. */
  node: Node
  /** `host:port`, as logs and /routes show it. */
  readonly address: string
  /** Requests that were sent and whose answer has not ended. */
  inFlight: number
  /** Tries begun since the peer was created. */
  requests: number
  /** Tries without an answer, or with a failure status. */
  failures: number
  /** Tries whose answer did not come in time; also counted in `failures`. */
  timeouts: number
  /** The health by active checks. Set by the node table. */
  health: Health
  /** Whether the peer gets no requests because its check fails and another peer's does not. Set by the node table. */
  isAvoided: boolean
  /**
   * When the slow start began: when the node was added to a complete table, when its breaker closed, or when its check
   * passed again. Milliseconds on the monotonic clock; undefined = it never had a slow start.
   */
  warmingSince?: number | undefined
  /** Open connections, to a node that speaks HTTP/2. Undefined for other nodes. */
  sessions?: number | undefined
  /** Whether the node has answered any request, whatever the status. */
  hasAnswered?: boolean | undefined
  /** Why the node cannot be used as it is registered; undefined when nothing is known to be wrong, or it has answered since. */
  problem?: NodeProblem | undefined
  /** The series in which the last request was counted; used by the request metrics. */
  lastCounted?: object | undefined
  /** How long its tries took to the head of the answer; undefined before the first. */
  times?: LiveTimes | undefined
  readonly breaker: BreakerState
  /** Milliseconds until an open breaker lets a probe through; 0 when it is not open. */
  readonly retryInMs: number
  /**
   * Whether a request may be sent to the peer now: it is neither draining nor avoided, and its breaker is closed or waits
   * for a probe. The node table offers no peer whose protocol is unknown.
   */
  available(): boolean
  /** Closes the breaker. Called when the check of an unhealthy peer has passed again. */
  recover(): void
  /**
   * Closes the breaker if it is open because of what the node answered. Called when no node of the service is available.
   *
   * @returns whether a request may be sent to the peer because of it
   */
  readmit(): boolean
  /** Ends connections and timers once the last request has ended. Called when the node was removed. */
  dispose(): void
}

/** The state of a node as /routes shows it. `suspect`: the node is used although its key is gone. */
export type PeerState = 'up' | 'draining' | 'down' | 'suspect'

export function stateOf(peer: Peer): PeerState {
  if (peer.node.suspect) return 'suspect'
  if (laneOf(peer.node) === undefined) return 'down'
  if (peer.node.weight === 0) return 'draining'
  return peer.breaker === 'open' || peer.health === 'unhealthy' ? 'down' : 'up'
}
