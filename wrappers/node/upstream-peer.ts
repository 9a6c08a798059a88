import type { Socket } from 'node:net'
import type { Call } from '../../internal/call.ts'
import type { Health } from '../../internal/nodes/health.ts'
import { addressOf, type Node } from '../../internal/nodes/node.ts'
import type { BreakerState, Peer } from '../../internal/nodes/peer.ts'
import { CircuitBreaker as Circuit } from '../breaker/circuit-breaker.ts'
import type {
  BreakerReason,
  CircuitBreakerOptions as CircuitOptions,
} from '../breaker/circuit-breaker-options.ts'
import { ConnectionPool } from '../http1/connection-pool.ts'
import { openSocket } from '../http1/open-socket.ts'

export interface ConnectionOptions {
  readonly connectTimeoutMs: number
  /** The longest silence between two pieces of an answer's body; 0 = none. */
  readonly bodyIdleTimeoutMs: number
  /** How long an idle connection is kept when the node does not say; below the node's own time. */
  readonly keepAliveMs: number
  /** Undefined = as many as there are requests at once. */
  readonly maxConnections?: number | undefined
  /** Whether a connection may be made to an IP address. Default: to all. */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
}

export interface PeerOptions {
  readonly connection: ConnectionOptions
  /** How the breakers of a service's nodes are set, now; asked at every try. */
  readonly circuit: (service: string) => CircuitOptions
  /** Told of every change of a breaker's state. */
  readonly onBreaker: (peer: UpstreamPeer, state: BreakerState, reason: BreakerReason) => void
  /**
   * Whether a node that takes connections may be left out for its failures; every one of late, when it `isUseless`.
   * Default: yes.
   */
  readonly mayHoldOut?: (peer: Peer, isUseless: boolean) => boolean
}

/**
 * A node with its connection pool and its circuit breaker. Made and disposed of by the node table.
 *
 * Pool and breaker come with the first request: together they weigh 27 KB, and a table of thousands of nodes,
 * of which most are quiet, would take seconds to build them.
 */
export class UpstreamPeer implements Peer {
  node: Node
  readonly address: string
  readonly #options: PeerOptions
  #pool: ConnectionPool | undefined = undefined
  #circuit: Circuit | undefined = undefined
  #disposed = false
  inFlight = 0
  requests = 0
  failures = 0
  timeouts = 0
  health: Health = 'unchecked'
  isAvoided = false
  warmingSince: number | undefined = undefined
  lastCounted: object | undefined = undefined

  constructor(node: Node, options: PeerOptions) {
    this.node = node
    this.address = addressOf(node)
    this.#options = options
  }

  get pool(): ConnectionPool {
    this.#pool ??= this.#createPool()
    return this.#pool
  }

  get circuit(): Circuit {
    this.#circuit ??= this.#createCircuit()
    return this.#circuit
  }

  get breaker(): BreakerState {
    return this.#circuit?.state ?? 'closed'
  }

  /** Whether its breaker is not closed because it takes no connections. */
  get isUnreachable(): boolean {
    return this.#circuit?.isUnreachable ?? false
  }

  get retryInMs(): number {
    return this.#circuit?.retryInMs ?? 0
  }

  available(): boolean {
    if (this.node.weight === 0 || this.node.protocol !== undefined || this.isAvoided) return false
    return this.#circuit === undefined || this.#circuit.admits()
  }

  /**
   * Makes a connection beside the pool, which neither its size nor the end of the node concerns. `done` is called later,
   * and once, also with an error when what it returns is destroyed before.
   */
  connect(done: (error: Error | undefined, socket: Socket) => void): Socket {
    const { host, port } = this.node
    const { connectTimeoutMs: timeoutMs, allows } = this.#options.connection
    return openSocket({ host, port, timeoutMs, allows }, done)
  }

  recover(): void {
    this.#circuit?.recover()
  }

  /** Gives up every try here that waits for an answer, if it may be made on another node instead. */
  moveWaiting(): void {
    this.#pool?.tellHung()
  }

  dispose(): void {
    this.#disposed = true
    // Resolves after the last request has ended; its breaker must be there until then.
    void this.#pool?.close().finally(() => this.#circuit?.close())
    if (!this.#pool) this.#circuit?.close()
  }

  #createCircuit(): Circuit {
    const { circuit, onBreaker, mayHoldOut } = this.#options
    return new Circuit(() => circuit(this.node.service), {
      onChange: (state, reason) => {
        if (state === 'closed') this.warmingSince = performance.now()
        onBreaker(this, state, reason)
      },
      mayOpen: isUseless => mayHoldOut?.(this, isUseless) ?? true,
    })
  }

  #createPool(): ConnectionPool {
    const { host, port } = this.node
    const pool = new ConnectionPool({ host, port, ...this.#options.connection })
    // Chosen just before its node was gone: it refuses, and the call goes to another.
    if (this.#disposed) void pool.close()
    return pool
  }
}

/** The peer that `balance` chose. Every peer of the node table that the gateway builds is an UpstreamPeer. */
export function chosenPeer(call: Call): UpstreamPeer {
  return call.peer as UpstreamPeer
}
