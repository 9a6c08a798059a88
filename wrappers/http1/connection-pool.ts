// Why this folder has a client of its own: it takes 32.5 µs of CPU for a request where undici's `dispatch` took 43.8
// (docs/benchmarks.md). Connections read below the socket's stream into a buffer of ours, a head is parsed in one pass
// that also decides what the client gets of it, and short bodies are handed on as text, so that an answer that arrives
// in one piece leaves in one write. The readers are strict: a fuzzer checks that they accept nothing that llhttp,
// Node's own parser, refuses (`npm run fuzz -- --target reader`).

import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { type ConnectionOwner, NodeConnection, type NodeConnectionOptions } from './node-connection.ts'
import type { NodeExchange } from './node-exchange.ts'

export interface ConnectionPoolOptions extends NodeConnectionOptions {
  /** Undefined = as many as there are concurrent requests. */
  readonly maxConnections?: number | undefined
  /** How often the name of the node is looked up while there are connections to it; 0 = never. Default 0. */
  readonly dnsRefreshMs?: number | undefined
  /** Returns the addresses of a name. Default: as the system resolves it. */
  readonly resolveName?: ((name: string) => Promise<readonly string[]>) | undefined
}

/**
 * The connections to one node. The most recently used one is used first, so that surplus connections reach their idle
 * time and are closed. The owner calls `close()` or `destroy()`.
 */
export class ConnectionPool implements ConnectionOwner {
  readonly #options: ConnectionPoolOptions
  readonly #all = new Set<NodeConnection>()
  /** The most recently used one is at the end. */
  readonly #idle: NodeConnection[] = []
  /** In order of arrival. */
  readonly #waiting = new Set<NodeExchange>()
  /** Busy connections to addresses that the node's name no longer has. */
  readonly #moved = new Set<NodeConnection>()
  /** When to look up the name of the node again; Infinity during a look-up, undefined when there is no name to follow. */
  #lookUpAt: number | undefined
  #connecting = 0
  #isClosing = false
  #onEmpty: () => void = () => {}

  constructor(options: ConnectionPoolOptions) {
    this.#options = options
    const { host, dnsRefreshMs = 0 } = options
    this.#lookUpAt = dnsRefreshMs > 0 && isIP(host) === 0 ? performance.now() + dnsRefreshMs : undefined
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

  /** Closes connections whose idle time is over. @returns whether idle connections are left */
  closeExpired(now: number): boolean {
    for (const connection of this.#idle.filter(each => !each.isUsable(now))) {
      this.#dropIdle(connection)
      connection.destroy()
    }
    return this.#idle.length > 0
  }

  /** Looks up the name of the node when it is time. @returns whether there are connections that depend on it */
  followName(now: number): boolean {
    if (this.#lookUpAt === undefined || this.#all.size === 0) return false
    if (now >= this.#lookUpAt) void this.#lookUp()
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
      this.#all.add(new NodeConnection(this.#options, this, this.#onOpen))
      if (this.#lookUpAt !== undefined) sweeper.watch(this)
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
      exchange.onFailure(new UpstreamFailure('connect', error))
      break
    }
    this.#grow()
    this.#checkEmpty()
  }

  /**
   * Looks up the name of the node, and lets go of the connections to addresses that it no longer has: idle ones at once,
   * busy ones after the answer that they carry. When the name cannot be resolved, the addresses known last stand.
   */
  async #lookUp(): Promise<void> {
    const { host, dnsRefreshMs = 0, resolveName = addressesOf } = this.#options
    this.#lookUpAt = Number.POSITIVE_INFINITY
    const addresses = await resolveName(host).catch((): readonly string[] => [])
    this.#lookUpAt = performance.now() + dnsRefreshMs
    if (addresses.length === 0) return
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

/** An idle connection may be closed this much after its time, but is not used again after its time. */
const SWEEP_MS = 500

async function addressesOf(name: string): Promise<readonly string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address)
}

/** Sweeps all pools with one timer, which runs only while there is something to do. */
class Sweeper {
  readonly #pools = new Set<ConnectionPool>()
  #timer: NodeJS.Timeout | undefined

  watch(pool: ConnectionPool): void {
    this.#pools.add(pool)
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  #sweep(): void {
    const now = performance.now()
    for (const pool of this.#pools) {
      const hasIdle = pool.closeExpired(now)
      if (!pool.followName(now) && !hasIdle) this.#pools.delete(pool)
    }
    if (this.#pools.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

const sweeper = new Sweeper()
