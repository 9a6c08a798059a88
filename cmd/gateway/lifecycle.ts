import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { tlsPortOf } from '../../config/load/tls-rules.ts'
import type { Config } from '../../config/schema.ts'
import type { Http1Listener } from '../../routes/public/http1/listener.ts'
import type { ListenWhen } from './gateway-types.ts'
import { type InheritedSockets, listenOn, listenWithin, tcpAddressOf } from './inherited-sockets.ts'
import type { LiveTable } from './live-table.ts'
import type { Traffic } from './traffic.ts'

export interface LifecycleOptions {
  readonly config: Pick<Config, 'host' | 'port' | 'tls' | 'drainMs' | 'shutdownTimeoutMs'>
  readonly listener: Http1Listener
  /** The sockets to listen on in place of the configured addresses. */
  readonly sockets: InheritedSockets
  readonly table: LiveTable
  /** What clients of TLS cannot be served without, beside the table; undefined = nothing. */
  readonly needs: { readonly isLoaded: boolean; readonly loaded: Promise<void> } | undefined
  readonly traffic: Traffic
  /** Tells clients of streams that these end here. Returns how many there were. */
  readonly endStreams: () => number
  /** Closes the parts that only requests need. Called when no request is left. */
  readonly closeServing: () => void
  /** Is called when no request is left, before the table is closed; not after a start that failed. */
  readonly onDrained: () => Promise<void>
  /** Closes the remaining parts. Called when the registry is no longer followed. */
  readonly closeTable: () => void
  readonly logger: Logger
}

/**
 * How long connections wait in inherited sockets for the table, at most. They would be refused with 503 otherwise, and after
 * that they are: etcd may be away for long.
 */
const WAIT_FOR_TABLE_MS = 5_000
/** How long clients of streams that are cut off have to take what they are told last. */
const LAST_WORDS_MS = 500

/** Starts and stops one gateway: follows the registry, listens and drains in an order that loses no request. */
export class Lifecycle {
  /** Resolves when there is all that requests are served from. */
  readonly loaded: Promise<void>
  readonly #options: LifecycleOptions
  readonly #following = new AbortController()
  #followed: Promise<void> | undefined
  #isFollowing = true

  constructor(options: LifecycleOptions) {
    this.#options = options
    this.loaded = Promise.all([options.table.loaded, options.needs?.loaded]).then(() => {})
  }

  /** Whether everything is loaded, the registry is followed and shutdown has not begun. */
  get isReady(): boolean {
    const { needs, table, traffic } = this.#options
    return table.isLoaded && needs?.isLoaded !== false && this.#isFollowing && !traffic.isDraining
  }

  /** @throws Error when a port cannot be bound; everything is closed then */
  async start(listen: ListenWhen): Promise<void> {
    const { listener, sockets } = this.#options
    const isInherited = sockets.public !== undefined || sockets.tls !== undefined
    if (listen === 'when-loaded') await Promise.race([this.loaded, this.#follow()])
    else if (isInherited) {
      void this.#follow()
      // A timer that is referenced: nothing else may keep the process alive until it listens.
      const waiting = new AbortController()
      const longest = delay(WAIT_FOR_TABLE_MS, undefined, { signal: waiting.signal }).catch(() => {})
      await Promise.race([this.loaded, longest])
      waiting.abort()
    }
    try {
      await this.#listen()
    } catch (error) {
      this.#following.abort()
      await Promise.allSettled([listener.app.close(), this.#followed])
      listener.secure?.close()
      this.#options.closeServing()
      this.#options.closeTable()
      throw error
    }
    void this.#follow()
  }

  async #listen(): Promise<void> {
    const { config, listener, sockets } = this.#options
    const { host, port, tls } = config
    if (tls.plain === 'off') await listener.app.ready()
    else {
      const { app } = listener
      await listenWithin(app.server, sockets.public, 'public', () =>
        app.listen(listenOn(sockets.public, { host, port })),
      )
      tcpAddressOf(app.server, 'public')
    }
    if (listener.secure === undefined) return
    const { secure } = listener
    await listenWithin(secure, sockets.tls, 'tls', () => {
      secure.listen(listenOn(sockets.tls, { host: tls.host ?? host, port: tlsPortOf(tls)! }))
      return once(secure, 'listening')
    })
    tcpAddressOf(secure, 'tls')
  }

  /** See `Gateway.stop`. */
  async stop(): Promise<number> {
    this.#startDraining()
    await delay(this.#options.config.drainMs)
    return this.#finish()
  }

  /** See `Gateway.retire`. */
  async retire(hurry: AbortSignal): Promise<number> {
    this.#startDraining()
    const { drainMs, shutdownTimeoutMs } = this.#options.config
    const longest = Math.max(drainMs, shutdownTimeoutMs)
    await Promise.race([
      this.#options.listener.stopListening(),
      delay(longest, undefined, { signal: hurry }).catch(() => {}),
    ])
    return this.#finish()
  }

  #startDraining(): void {
    this.#options.traffic.isDraining = true
    this.#options.listener.expectClose()
  }

  /** Closes idle connections, waits for the requests in flight, and cuts off those that are left at the timeout. */
  async #finish(): Promise<number> {
    const { config, listener, traffic, endStreams, closeServing, onDrained, closeTable } = this.#options
    const closed = listener.close()
    const cut = await Promise.race([
      closed.then(() => 0),
      // Open connections keep the process alive. The timer by itself must not.
      delay(config.shutdownTimeoutMs, undefined, { ref: false }).then(() => traffic.open),
    ])
    // What they are told must leave before their connections are closed.
    if (endStreams() > 0) await Promise.race([closed, delay(LAST_WORDS_MS)])
    listener.cutOff()
    await closed
    closeServing()
    this.#following.abort()
    await this.#followed?.catch(() => {})
    await onDrained()
    closeTable()
    return cut
  }

  #follow(): Promise<void> {
    this.#followed ??= this.#options.table.follow(this.#following.signal).catch(error => {
      // This is a bug in Waygate. Load balancers should prefer another gateway.
      this.#isFollowing = false
      this.#options.logger.fatal(
        { err: error },
        'following the registry failed; the table is no longer updated',
      )
      throw error
    })
    // `start` and `stop` see the error when they await it. As an unhandled rejection it would end the process.
    this.#followed.catch(() => {})
    return this.#followed
  }
}
