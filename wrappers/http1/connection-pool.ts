import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import type { Exchange } from './exchange.ts'
import { type ConnectionOwner, NodeConnection, type NodeConnectionOptions } from './node-connection.ts'

export interface ConnectionPoolOptions extends NodeConnectionOptions {
  /** Undefined = as many as there are requests at once. */
  readonly maxConnections?: number | undefined
}

/**
 * The connections to one node. The one used last is used first, so that those not needed go by their idle time.
 * Whoever made the pool calls `close()` or `destroy()`.
 */
export class ConnectionPool implements ConnectionOwner {
  readonly #options: ConnectionPoolOptions
  readonly #all = new Set<NodeConnection>()
  /** The one used last is at the end. */
  readonly #idle: NodeConnection[] = []
  /** In the order they came. */
  readonly #waiting = new Set<Exchange>()
  #connecting = 0
  #isClosing = false
  #onEmpty: () => void = () => {}

  constructor(options: ConnectionPoolOptions) {
    this.#options = options
  }

  /** Gives the exchange a connection, now or as soon as there is one; or tells it why there is none. */
  request(exchange: Exchange): void {
    if (this.#isClosing) {
      exchange.onFailure(new UpstreamFailure('connect', new Error('the node is gone')))
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

  /** The exchange waits no longer. */
  forget(exchange: Exchange): void {
    this.#waiting.delete(exchange)
    this.#checkEmpty()
  }

  /** The node answers nobody: tells every exchange that has no head of an answer yet. */
  tellHung(): void {
    for (const exchange of [...this.#waiting]) exchange.onHung()
    for (const connection of [...this.#all]) connection.tellHung()
  }

  /** Takes no new exchange. Resolves when those it has have ended and no connection is left. */
  close(): Promise<void> {
    this.#isClosing = true
    return new Promise(resolve => {
      this.#onEmpty = resolve
      for (const connection of this.#idle.splice(0)) connection.destroy()
      this.#checkEmpty()
    })
  }

  /** The same, but ends what it has with failures. */
  destroy(): Promise<void> {
    const closed = this.close()
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange)
      exchange.onFailure(new UpstreamFailure('connect', new Error('the pool was closed')))
    }
    for (const connection of this.#all) connection.destroy()
    return closed
  }

  /** Closes connections that were idle for too long. @returns whether idle ones are left */
  closeExpired(now: number): boolean {
    for (const connection of this.#idle.filter(each => !each.isUsable(now))) {
      this.#dropIdle(connection)
      connection.destroy()
    }
    return this.#idle.length > 0
  }

  onFree(connection: NodeConnection): void {
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

  /** Makes a connection for each exchange that waits, as far as there may be more. */
  #grow(): void {
    const { maxConnections = Number.POSITIVE_INFINITY } = this.#options
    while (this.#connecting < this.#waiting.size && this.#all.size < maxConnections) {
      this.#connecting++
      this.#all.add(new NodeConnection(this.#options, this, this.#onOpen))
    }
  }

  readonly #onOpen = (error: Error | undefined, connection: NodeConnection): void => {
    this.#connecting--
    if (!error) {
      this.onFree(connection)
      return
    }
    this.#all.delete(connection)
    // One failed attempt is one exchange's; another connection may have served the one it was made for.
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange)
      exchange.onFailure(new UpstreamFailure('connect', error))
      break
    }
    this.#grow()
    this.#checkEmpty()
  }

  #checkEmpty(): void {
    if (this.#isClosing && this.#all.size === 0 && this.#waiting.size === 0) this.#onEmpty()
  }
}

/** How late an idle connection may be closed; it is not used again from its time on. */
const SWEEP_MS = 500

/** One timer for the idle connections of all pools, and none while there are none. */
class Sweeper {
  readonly #pools = new Set<ConnectionPool>()
  #timer: NodeJS.Timeout | undefined

  watch(pool: ConnectionPool): void {
    this.#pools.add(pool)
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  #sweep(): void {
    const now = performance.now()
    for (const pool of this.#pools) if (!pool.closeExpired(now)) this.#pools.delete(pool)
    if (this.#pools.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

const sweeper = new Sweeper()
