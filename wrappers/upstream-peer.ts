import { Pool } from 'undici'
import type { Call } from '../internal/call.ts'
import { addressOf, type Node } from '../internal/node.ts'
import type { BreakerState, Peer } from '../internal/peer.ts'
import { Circuit, type CircuitOptions } from './circuit.ts'
import { createConnector } from './connector.ts'

export interface ConnectionOptions {
  readonly connectTimeoutMs: number
  /** The longest silence between two pieces of an answer's body; 0 = none. */
  readonly bodyIdleTimeoutMs: number
  /** How long an idle connection is kept when the node does not say; below the node's own time. */
  readonly keepAliveMs: number
  /** Undefined = as many as there are requests at once. */
  readonly maxConnections?: number | undefined
}

export interface PeerOptions {
  readonly connection: ConnectionOptions
  readonly circuit: CircuitOptions
  /** Told of every change of a breaker's state. */
  readonly onBreaker: (peer: Peer, state: BreakerState) => void
}

/** A node with its connection pool and its circuit breaker. Made and disposed of by the node table. */
export class UpstreamPeer implements Peer {
  node: Node
  readonly address: string
  readonly pool: Pool
  readonly circuit: Circuit
  inFlight = 0
  requests = 0
  failures = 0

  constructor(node: Node, { connection, circuit, onBreaker }: PeerOptions) {
    this.node = node
    this.address = addressOf(node)
    this.pool = new Pool(`http://${this.address}`, {
      connections: connection.maxConnections ?? null,
      connect: createConnector(connection.connectTimeoutMs),
      keepAliveTimeout: connection.keepAliveMs,
      // A call has one deadline over all its tries, kept where the call is.
      headersTimeout: 0,
      bodyTimeout: connection.bodyIdleTimeoutMs,
    })
    this.circuit = new Circuit(circuit, state => onBreaker(this, state))
  }

  get breaker(): BreakerState {
    return this.circuit.state
  }

  get retryInMs(): number {
    return this.circuit.retryInMs
  }

  available(): boolean {
    return this.node.weight > 0 && this.node.protocol === undefined && this.circuit.admits()
  }

  dispose(): void {
    // Resolves after the last request has ended; its breaker must be there until then.
    this.pool.close().finally(() => this.circuit.close())
  }
}

/** The peer that `balance` chose. Every peer of the node table that the gateway builds is an UpstreamPeer. */
export function chosenPeer(call: Call): UpstreamPeer {
  return call.peer as UpstreamPeer
}
