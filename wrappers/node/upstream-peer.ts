import type { Call } from '../../internal/call.ts'
import type { FailingRequests } from '../../internal/nodes/failing-requests.ts'
import type { Health } from '../../internal/nodes/health.ts'
import { addressOf, type Lane, laneOf, type Node } from '../../internal/nodes/node.ts'
import type { BreakerState, NodeProblem, Peer } from '../../internal/nodes/peer.ts'
import type { LiveTimes } from '../../internal/telemetry/live-times.ts'
import type { Transport, Upstream, Wrapper } from '../../internal/upstream.ts'
import { CircuitBreaker } from '../breaker/circuit-breaker.ts'
import type { BreakerReason, CircuitBreakerOptions, Evidence } from '../breaker/circuit-breaker-options.ts'
import { createTransport, type TransportOptions } from './transports.ts'

export interface PeerOptions extends TransportOptions {
  /** Returns the current breaker settings of a service's nodes; called at every try. */
  readonly circuit: (service: string) => CircuitBreakerOptions
  /** Called with each change of a breaker's state. */
  readonly onBreaker: (peer: UpstreamPeer, state: BreakerState, reason: BreakerReason) => void
  /** Returns whether a node that accepts connections may be ejected. Default: always. */
  readonly mayEject?: (peer: UpstreamPeer, evidence: Evidence) => boolean
  /** Returns what the breakers of a service share in one lane; undefined when it has no node. Default: nothing is shared. */
  readonly failingOf?: (service: string, lane: Lane | undefined) => FailingRequests | undefined
  /** Called when the node is found not to be usable as it is registered. */
  readonly onProblem?: (peer: UpstreamPeer, problem: NodeProblem) => void
}

/**
 * A node with its connections and its circuit breaker. The node table creates it and disposes of it.
 *
 * Connections and breaker are created with the first request. Together they take 27 KB, and building them for a table of
 * thousands of nodes, most of them quiet, would take seconds.
 */
export class UpstreamPeer implements Peer {
  node: Node
  readonly address: string
  readonly #options: PeerOptions
  #transport: Transport | undefined = undefined
  #circuit: CircuitBreaker | undefined = undefined
  #disposed = false
  inFlight = 0
  requests = 0
  failures = 0
  timeouts = 0
  health: Health = 'unchecked'
  isAvoided = false
  warmingSince: number | undefined = undefined
  lastCounted: object | undefined = undefined
  times: LiveTimes | undefined = undefined
  sessions: number | undefined = undefined
  hasAnswered = false
  #problem: NodeProblem | undefined = undefined

  constructor(node: Node, options: PeerOptions) {
    this.node = node
    this.address = addressOf(node)
    this.#options = options
  }

  get problem(): NodeProblem | undefined {
    return this.#problem
  }

  set problem(problem: NodeProblem | undefined) {
    const isNews = problem !== undefined && problem.reason !== this.#problem?.reason
    this.#problem = problem
    if (isNews) this.#options.onProblem?.(this, problem)
  }

  get transport(): Transport {
    this.#transport ??= this.#createTransport()
    return this.#transport
  }

  get circuit(): CircuitBreaker {
    this.#circuit ??= this.#createCircuit()
    return this.#circuit
  }

  get breaker(): BreakerState {
    return this.#circuit?.state ?? 'closed'
  }

  /** Whether the node accepts no connections, so that its breaker is not closed. */
  get isUnreachable(): boolean {
    return this.#circuit?.isUnreachable ?? false
  }

  /** Recent tries that got a good answer. */
  get passed(): number {
    return this.#circuit?.passed ?? 0
  }

  /** Recent tries that count against the node. */
  get failed(): number {
    return this.#circuit?.failed ?? 0
  }

  get retryInMs(): number {
    return this.#circuit?.retryInMs ?? 0
  }

  available(): boolean {
    if (this.node.weight === 0 || this.isAvoided) return false
    return this.#circuit === undefined || this.#circuit.admits()
  }

  recover(): void {
    this.#circuit?.recover()
  }

  readmit(): boolean {
    if (this.node.weight === 0 || this.isAvoided) return false
    return this.#circuit?.readmit() ?? false
  }

  /** Moves every request that waits for an answer of this node to another node, if it may be repeated. */
  rerouteWaiting(): void {
    this.#transport?.notifyHung()
  }

  dispose(): void {
    this.#disposed = true
    // `close` resolves after the last request has ended, and the breaker is needed until then.
    void this.#transport?.close().finally(() => this.#circuit?.close())
    if (!this.#transport) this.#circuit?.close()
  }

  #createCircuit(): CircuitBreaker {
    const { circuit, onBreaker, mayEject, failingOf } = this.#options
    const { service } = this.node
    const breaker = new CircuitBreaker(
      () => circuit(service),
      {
        onChange: (state, reason) => {
          if (state === 'closed') this.warmingSince = performance.now()
          onBreaker(this, state, reason)
        },
        mayOpen: evidence => mayEject?.(this, evidence) ?? true,
      },
      failingOf?.(service, laneOf(this.node)),
    )
    // As with a transport. It refuses, and leaves no timer.
    if (this.#disposed) breaker.close()
    return breaker
  }

  #createTransport(): Transport {
    const transport = createTransport(this, this.#options)
    // A call chose this peer just before its node was removed. A closed transport refuses it, and it goes to another node.
    if (this.#disposed) void transport.close()
    return transport
  }
}

/** Returns the peer that `balance` chose. Every peer of the gateway's node table is an UpstreamPeer. */
function chosenPeer(call: Call): UpstreamPeer {
  return call.peer as UpstreamPeer
}

/** Creates the innermost upstream, which sends one request to the chosen node over the transport of that node. */
export function createDispatch(): Upstream {
  return (request, call) => chosenPeer(call).transport.send(request, call)
}

/** Sends each try through the circuit breaker of the node it goes to. */
export function createCircuitBreaker(): Wrapper {
  return next => (request, call) => chosenPeer(call).circuit.fire(next, request, call)
}
