import type { FailingRequests } from '../internal/nodes/failing-requests.ts'
import type { Health } from '../internal/nodes/health.ts'
import { addressOf, type Node } from '../internal/nodes/node.ts'
import type { BreakerState, Peer } from '../internal/nodes/peer.ts'
import type { UpstreamRequest } from '../internal/upstream.ts'
import { CircuitBreaker } from '../wrappers/breaker/circuit-breaker.ts'
import type { CircuitBreakerOptions, Evidence } from '../wrappers/breaker/circuit-breaker-options.ts'
import { type ComparedPeer, findObjection } from '../wrappers/node/ejection.ts'

export interface ProxiedPeerOptions {
  readonly circuit: CircuitBreakerOptions
  /** Shared by the peers of the service. */
  readonly failing: FailingRequests
  /** Returns all peers of the service. */
  readonly peers: () => readonly Peer[]
  readonly timeoutMs: number
}

/** A node with its circuit breaker; its connections are those of @fastify/reply-from. */
export class ProxiedPeer implements ComparedPeer {
  node: Node
  readonly address: string
  readonly circuit: CircuitBreaker
  /** What the breaker reads of each request. */
  readonly asked: UpstreamRequest
  inFlight = 0
  requests = 0
  failures = 0
  timeouts = 0
  health: Health = 'unchecked'
  isAvoided = false

  constructor(node: Node, { circuit, failing, peers, timeoutMs }: ProxiedPeerOptions) {
    this.node = node
    this.asked = { body: null, route: { timeoutMs } } as UpstreamRequest
    this.address = addressOf(node)
    const mayOpen = (evidence: Evidence) => findObjection(this, peers(), evidence, circuit) === undefined
    this.circuit = new CircuitBreaker(() => circuit, { onChange: () => {}, mayOpen }, failing)
  }

  get isUnreachable(): boolean {
    return this.circuit.isUnreachable
  }

  get passed(): number {
    return this.circuit.passed
  }

  get failed(): number {
    return this.circuit.failed
  }

  get breaker(): BreakerState {
    return this.circuit.state
  }

  get retryInMs(): number {
    return this.circuit.retryInMs
  }

  available(): boolean {
    return this.node.weight > 0 && this.circuit.admits()
  }

  recover(): void {
    this.circuit.recover()
  }

  readmit(): boolean {
    return this.node.weight > 0 && this.circuit.readmit()
  }

  dispose(): void {
    this.circuit.close()
  }
}
