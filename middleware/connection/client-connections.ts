import { Socket } from 'node:net'
import { OnceAMinute } from '../../internal/once-a-minute.ts'
import { addressGroup, plainAddress } from '../request/client-address.ts'
import {
  type ConnectionWatch,
  paceLimits,
  type SlowClientLimits,
  type SlowReason,
} from './connection-watch.ts'
import { type Http1Socket, Http1Watch } from './http1-watch.ts'
import { linger } from './linger.ts'

export interface ClientConnectionOptions extends SlowClientLimits {
  /** Most connections at the same time; 0 = no limit. */
  readonly maxConnections: number
  /** Most connections of one address at the same time; 0 = no limit. */
  readonly maxConnectionsPerAddress: number
  /** Returns whether an address is a proxy of many clients, so that `maxConnectionsPerAddress` does not apply to it. */
  readonly isTrustedProxy: (address: string) => boolean
  /** Called with a refused connection, at most once a minute for each reason. */
  readonly onRefused: (reason: RefusalReason, address: string) => void
  /** Returns milliseconds on the monotonic clock. */
  readonly now?: () => number
}

export type RefusalReason = 'total' | 'address'
/** `displaced`: an idle connection made room for a new one. */
export type EndReason = SlowReason | 'displaced'

/** The counts of client connections, for metrics. */
export interface ClientConnectionsView {
  /** Open connections, whatever they speak. */
  readonly open: number
  /** The most there may be at the same time; 0 = no limit. */
  readonly max: number
  /** Open connections that speak HTTP/2. */
  readonly http2: number
  /** Connections refused since the start, by reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>
  /** Connections ended since the start, because the client was too slow or to make room for others, by reason. */
  readonly ended: Readonly<Record<EndReason, number>>
}

/** One connection that counts. */
interface Counted {
  /** The group of addresses that the connection counts in; undefined when it counts in none. */
  group: string | undefined
  watch: ConnectionWatch
}

/** Replaces the method of a socket, which Node's server calls when the connection ends after an answer. */
function destroySoon(this: Http1Socket): void {
  if (this.parser?.incoming?.complete === false) linger(this)
  else Socket.prototype.destroySoon.call(this)
}

const LONGEST_SWEEP_MS = 1_000
const SHORTEST_SWEEP_MS = 10

/** Returns how often connections are looked at: often enough to end one soon after its timeout. */
function sweepMsOf({
  idleTimeoutMs,
  bodyIdleTimeoutMs,
  sendIdleTimeoutMs,
  minBytesPerSecond,
  minRateGraceMs,
}: SlowClientLimits): number {
  const timeouts = [idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs].filter(each => each > 0)
  if (minBytesPerSecond > 0) timeouts.push(minRateGraceMs)
  return Math.max(SHORTEST_SWEEP_MS, Math.min(LONGEST_SWEEP_MS, ...timeouts.map(each => each / 4)))
}

/**
 * Limits the number of client connections to one listener, whatever they speak, and ends the connections of clients that
 * neither send the rest of a request nor read their answer. It looks at all connections once a second, so that requests
 * pay nothing for it.
 *
 * Node's own server ends idle HTTP/1 connections and those whose request head arrives too slowly. Only the latter are
 * counted here.
 */
export class ClientConnections implements ClientConnectionsView {
  #options: ClientConnectionOptions
  readonly #now: () => number
  #sweepMs: number
  /** How slow clients may be, whatever they speak. */
  limits: SlowClientLimits
  #pace: ReturnType<typeof paceLimits>
  readonly #open = new Map<Socket, Counted>()
  /** All connections share it, since a function of its own would be kept for each. */
  readonly #onClose: (this: Socket) => void
  /** Connections that were idle at the last sweep, if there was no room for more; the one to close first is at the end. */
  #displaceable: Socket[] = []
  readonly #groups = new Map<string, number>()
  readonly #reports = new OnceAMinute<RefusalReason>()
  #timer: NodeJS.Timeout | undefined
  http2 = 0
  readonly refused = { total: 0, address: 0 }
  readonly ended = {
    ...{ 'head-late': 0, idle: 0, 'body-idle': 0, 'body-slow': 0, 'send-idle': 0, 'send-slow': 0 },
    displaced: 0,
  }

  constructor(options: ClientConnectionOptions) {
    this.#options = options
    this.limits = options
    this.#now = options.now ?? (() => performance.now())
    this.#pace = paceLimits(options)
    this.#sweepMs = sweepMsOf(options)
    const forget = (socket: Socket) => this.#forget(socket)
    this.#onClose = function () {
      forget(this)
    }
  }

  /** Changes the limits. They hold for new connections; those that are open stay, and keep the limits of their pace. */
  configure(options: ClientConnectionOptions): void {
    this.#options = options
    this.limits = options
    this.#pace = paceLimits(options)
    this.#sweepMs = sweepMsOf(options)
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#timer = setInterval(() => this.sweep(), this.#sweepMs).unref()
  }

  get open(): number {
    return this.#open.size
  }

  get max(): number {
    return this.#options.maxConnections
  }

  get #isFull(): boolean {
    return this.max > 0 && this.#open.size >= this.max
  }

  /**
   * Registers a connection that was just accepted, or destroys it when a limit is reached. When there are too many in all, one
   * that is idle makes room for it.
   *
   * @returns whether there is room for it
   */
  accept(socket: Socket): boolean {
    const address = plainAddress(socket.remoteAddress)
    const group = this.#groupOf(address)
    if (this.#isGroupFull(group)) return this.#refuse('address', socket, address)
    if (this.#isFull && !this.#makeRoom()) return this.#refuse('total', socket, address)
    this.#add(socket, new Http1Watch(socket, this.#options, this.#pace))
    this.#join(socket, group)
    return true
  }

  /**
   * Registers a connection whose client will be known later, see {@link identify}. Until then it counts in all, makes room for
   * others, and may be as slow as its owner lets it.
   *
   * @returns whether there is room for it; if not, it is destroyed
   */
  hold(socket: Socket): boolean {
    if (this.#isFull && !this.#makeRoom())
      return this.#refuse('total', socket, plainAddress(socket.remoteAddress))
    this.#add(socket, this.#waiting())
    return true
  }

  /**
   * Lets a connection that was held count for the address that its socket has by now.
   *
   * @returns whether the address may have it; if not, it is destroyed
   */
  identify(socket: Socket): boolean {
    const counted = this.#open.get(socket)
    if (!counted) return false
    const address = plainAddress(socket.remoteAddress)
    const group = this.#groupOf(address)
    if (this.#isGroupFull(group)) return this.#refuse('address', socket, address)
    counted.watch = new Http1Watch(socket, this.#options, this.#pace)
    this.#join(socket, group)
    return true
  }

  /** Lets a connection make room for others until its TLS handshake is over, see {@link secure}. */
  awaitTls(socket: Socket): void {
    const counted = this.#open.get(socket)
    if (counted) counted.watch = this.#waiting()
  }

  /** Watches a connection by the socket of its TLS from now on, whose handshake is over. */
  secure(accepted: Socket, socket: Socket): void {
    const counted = this.#open.get(accepted)
    if (!counted) return
    this.#open.delete(accepted)
    counted.watch = new Http1Watch(socket, this.#options, this.#pace)
    this.#follow(socket, counted)
  }

  /** Lets `watch` judge a connection from now on, which has turned out to speak HTTP/2. */
  changeProtocol(socket: Socket, watch: ConnectionWatch): void {
    const counted = this.#open.get(socket)
    if (!counted) return
    counted.watch = watch
    this.http2++
  }

  /** Counts a connection that was ended because the head of a request did not arrive in time. */
  countSlowHead(): void {
    this.ended['head-late']++
  }

  /** Ends every connection whose timeout has expired. */
  sweep(): void {
    const now = this.#now()
    const isFull = this.#isFull
    this.#displaceable = []
    for (const [socket, { watch }] of this.#open) {
      const reason = watch.check(now)
      if (reason === undefined) {
        if (isFull && watch.idleMs(now) >= this.#sweepMs) this.#displaceable.push(socket)
      } else {
        this.ended[reason]++
        socket.destroy()
      }
    }
    this.#displaceable.reverse()
  }

  /**
   * Closes the oldest connection that was idle at the last sweep and still is. On one that became idle a moment ago, the next
   * request may be on its way. nginx gives up idle connections in the same way.
   *
   * @returns whether there was one
   */
  #makeRoom(): boolean {
    for (let socket = this.#displaceable.pop(); socket; socket = this.#displaceable.pop()) {
      const watch = this.#open.get(socket)?.watch
      if (watch === undefined || watch.idleMs(this.#now()) < this.#sweepMs) continue
      this.ended.displaced++
      socket.destroy()
      this.#forget(socket)
      return true
    }
    return false
  }

  #groupOf(address: string): string | undefined {
    const { maxConnectionsPerAddress: max, isTrustedProxy } = this.#options
    return max > 0 && !isTrustedProxy(address) ? addressGroup(address) : undefined
  }

  #isGroupFull(group: string | undefined): boolean {
    return group !== undefined && (this.#groups.get(group) ?? 0) >= this.#options.maxConnectionsPerAddress
  }

  #add(socket: Socket, watch: ConnectionWatch): void {
    this.#follow(socket, { group: undefined, watch })
    this.#timer ??= setInterval(() => this.sweep(), this.#sweepMs).unref()
  }

  #follow(socket: Socket, counted: Counted): void {
    this.#open.set(socket, counted)
    socket.on('close', this.#onClose)
    socket.destroySoon = destroySoon
  }

  /** The watch of a connection that cannot have requests yet. Its owner ends it when that takes too long. */
  #waiting(): ConnectionWatch {
    const since = this.#now()
    return { protocol: 'h1', check: () => undefined, idleMs: now => now - since }
  }

  #join(socket: Socket, group: string | undefined): void {
    if (group === undefined) return
    this.#open.get(socket)!.group = group
    this.#groups.set(group, (this.#groups.get(group) ?? 0) + 1)
  }

  /** @returns false, for the caller to return */
  #refuse(reason: RefusalReason, socket: Socket, address: string): false {
    this.refused[reason]++
    socket.destroy()
    if (this.#reports.isDue(reason, this.#now())) this.#options.onRefused(reason, address)
    return false
  }

  #forget(socket: Socket): void {
    const counted = this.#open.get(socket)
    if (!counted) return
    this.#open.delete(socket)
    if (counted.watch.protocol === 'h2') this.http2--
    const { group } = counted
    if (group !== undefined) {
      const left = this.#groups.get(group)! - 1
      if (left === 0) this.#groups.delete(group)
      else this.#groups.set(group, left)
    }
    if (this.#open.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
