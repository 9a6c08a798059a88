// Why this folder has a client of its own: it takes 32.5 µs of CPU for a request where undici's `dispatch` took 43.8
// (docs/benchmarks.md). Connections read below the socket's stream into a buffer of ours, a head is parsed in one pass
// that also decides what the client gets of it, and short bodies are handed on as text, so that an answer that arrives
// in one piece leaves in one write. The readers are strict: a fuzzer checks that they accept nothing that llhttp,
// Node's own parser, refuses (`npm run fuzz -- --target reader`).

import { noConnection, UpstreamFailure } from '../../internal/upstream-failure.ts'
import { NodeName, type NodeNameOptions } from '../transport/node-name.ts'
import { type Swept, sweeper } from '../transport/sweeper.ts'
import { type ConnectionOwner, NodeConnection, type NodeConnectionOptions } from './node-connection.ts'
import type { NodeExchange } from './node-exchange.ts'

export interface ConnectionPoolOptions extends NodeConnectionOptions, NodeNameOptions {
  /** Undefined = as many as there are concurrent requests. */
  readonly maxConnections?: number | undefined
}

/**
 * The connections to one node. The most recently used one is used first, so that surplus connections reach their idle
 * time and are closed. The owner calls `close()` or `destroy()`.
 */
export class ConnectionPool implements ConnectionOwner, Swept {
  readonly #options: ConnectionPoolOptions
  readonly #all = new Set<NodeConnection>()
  /** The most recently used one is at the end. */
  readonly #idle: NodeConnection[] = []
  /** In order of arrival. */
  readonly #waiting = new Set<NodeExchange>()
  /** Busy connections to addresses that the node's name no longer has. */
  readonly #moved = new Set<NodeConnection>()
  readonly #name: NodeName
  #connecting = 0
  #isClosing = false
  #onEmpty: () => void = () => {}

  constructor(options: ConnectionPoolOptions) {
    this.#options = options
    this.#name = new NodeName(options)
  }

  /** Hands the exchange a connection as soon as one is available, or fails it when there will be none. */
  request(exchange: NodeExchange): void {
    if (this.#isClosing) {
      exchange.onFailure(new UpstreamFailure('connect', new Error('the node was removed')))
      return
    }
    const connection = this.#takeIdle()
    if (connection) {
      exchange.onConnection(connection)
      return
    }
    this.#waiting.add(exchange)
    this.#grow()
  }

  /** Removes an exchange that waits for a connection. */
  forget(exchange: NodeExchange): void {
    this.#waiting.delete(exchange)
    this.#checkEmpty()
  }

  /** Notifies every exchange that has no head of an answer yet that the node hangs. */
  notifyHung(): void {
    for (const exchange of [...this.#waiting]) exchange.onHung()
    for (const connection of [...this.#all]) connection.notifyHung()
  }

  /** Refuses new exchanges. Resolves when the present ones have ended and no connection is left. */
  close(): Promise<void> {
    this.#isClosing = true
    return new Promise(resolve => {
      this.#onEmpty = resolve
      for (const connection of this.#idle.splice(0)) connection.destroy()
      this.#checkEmpty()
    })
  }

  /** Fails all exchanges and closes all connections. Resolves when no connection is left. */
  destroy(): Promise<void> {
    const closed = this.close()
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange)
      exchange.onFailure(new UpstreamFailure('connect', new Error('the pool was closed')))
    }
    for (const connection of this.#all) connection.destroy()
    return closed
  }

  closeExpired(now: number): boolean {
    for (const connection of this.#idle.filter(each => !each.isUsable(now))) {
      this.#dropIdle(connection)
      connection.destroy()
    }
    return this.#idle.length > 0
  }

  closeOldest(): boolean {
    const oldest = this.#idle.shift()
    oldest?.destroy()
    return oldest !== undefined
  }

  followName(now: number): boolean {
    if (!this.#name.isFollowed || this.#all.size === 0) return false
    this.#name.follow(now, this.#onAddresses)
    return true
  }

  onFree(connection: NodeConnection): void {
    if (this.#moved.size > 0 && this.#moved.has(connection)) {
      connection.destroy()
      return
    }
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange)
      exchange.onConnection(connection)
      return
    }
    if (this.#isClosing) connection.destroy()
    else {
      this.#idle.push(connection)
      sweeper.watch(this)
    }
  }

  onClosed(connection: NodeConnection): void {
    this.#all.delete(connection)
    this.#moved.delete(connection)
    this.#dropIdle(connection)
    this.#grow()
    this.#checkEmpty()
  }

  #takeIdle(): NodeConnection | undefined {
    const connection = this.#idle.pop()
    if (connection === undefined || connection.isUsable(performance.now())) return connection
    connection.destroy()
    return this.#takeIdle()
  }

  #dropIdle(connection: NodeConnection): void {
    const index = this.#idle.indexOf(connection)
    if (index !== -1) this.#idle.splice(index, 1)
  }

  /** Opens a connection for each waiting exchange, up to the maximum. */
  #grow(): void {
    const { maxConnections = Number.POSITIVE_INFINITY } = this.#options
    while (this.#connecting < this.#waiting.size && this.#all.size < maxConnections) {
      this.#connecting++
      this.#all.add(new NodeConnection(this.#options, this.#name, this, this.#onOpen))
      if (this.#name.isFollowed) sweeper.watch(this)
    }
  }

  readonly #onOpen = (error: Error | undefined, connection: NodeConnection): void => {
    this.#connecting--
    if (!error) {
      this.onFree(connection)
      return
    }
    this.#all.delete(connection)
    // A failed attempt fails one exchange: the first that waits, since another connection may serve the original one.
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange)
      exchange.onFailure(noConnection(error))
      break
    }
    this.#grow()
    this.#checkEmpty()
  }

  /**
   * Lets go of the connections to addresses that the node's name no longer has: idle ones at once, busy ones after the
   * answer that they carry.
   */
  readonly #onAddresses = (addresses: readonly string[]): void => {
    for (const connection of this.#all) {
      const { address } = connection
      if (address === undefined || addresses.includes(address)) this.#moved.delete(connection)
      else this.#moved.add(connection)
    }
    for (const connection of this.#idle.filter(each => this.#moved.has(each))) {
      this.#dropIdle(connection)
      connection.destroy()
    }
  }

  #checkEmpty(): void {
    if (this.#isClosing && this.#all.size === 0 && this.#waiting.size === 0) this.#onEmpty()
  }
}
