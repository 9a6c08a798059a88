import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { addressGroup, plainAddress } from '../request/client-address.ts'
import { linger } from './linger.ts'
import { Pace, type PaceLimit } from './pace.ts'

export interface ClientConnectionOptions {
  /** Most connections at the same time; 0 = no limit. */
  readonly maxConnections: number
  /** Most connections of one address at the same time; 0 = no limit. */
  readonly maxConnectionsPerAddress: number
  /** How long a client may send nothing of a request body that is incomplete; 0 = no limit. */
  readonly bodyIdleTimeoutMs: number
  /** How long a connection may go without a request, whatever else arrives on it; 0 = no limit. */
  readonly idleTimeoutMs: number
  /** How long a client may read nothing of the data that waits for it; 0 = no limit. */
  readonly sendIdleTimeoutMs: number
  /** The slowest average rate at which a client may send a body or read an answer; 0 = no limit. */
  readonly minBytesPerSecond: number
  /** How long a client may stay below that rate. */
  readonly minRateGraceMs: number
  /** Returns whether an address is a proxy of many clients, so that `maxConnectionsPerAddress` does not apply to it. */
  readonly isTrustedProxy: (address: string) => boolean
  /** Called with a refused connection, at most once a minute for each reason. */
  readonly onRefused: (reason: RefusalReason, address: string) => void
  /** Returns milliseconds on the monotonic clock. */
  readonly now?: () => number
}

export type RefusalReason = 'total' | 'address'
export type EndReason = 'head-late' | 'idle' | 'body-idle' | 'body-slow' | 'send-idle' | 'send-slow'

/** The counts of client connections, for metrics. */
export interface ClientConnectionsView {
  readonly open: number
  /** Connections refused since the start, by reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>
  /** Connections ended since the start because the client was too slow, by reason. */
  readonly ended: Readonly<Record<EndReason, number>>
}

/** Undocumented fields of a socket of Node's HTTP server. */
interface ServerSocket extends Socket {
  readonly _handle?: {
    /** False while reading is paused, because earlier data has not been consumed. */
    readonly reading: boolean
    readonly bytesRead: number
    /** Bytes handed to the system or queued for it. */
    readonly bytesWritten: number
    /** The part of `bytesWritten` that the system has not taken. */
    readonly writeQueueSize: number
  } | null
  /** `incoming` is the request that is being read, or was read last. */
  readonly parser?: { readonly incoming: IncomingMessage | null } | null
  /** The answer that is being written. */
  readonly _httpMessage?: ExpectedResponse | null
}

/** Undocumented fields of a response of Node's HTTP server. */
interface ExpectedResponse extends ServerResponse {
  readonly _header?: string | null
  /** Whether the client waits for 100 Continue before it sends its body. */
  readonly _expect_continue?: boolean
  readonly _sent100?: boolean
}

/** The state of a connection at the last sweep. Times are 0 while the connection waits for nothing. */
class Watched {
  readonly group: string | undefined
  taken = 0
  takenAt = 0
  received = 0
  receivedAt = 0
  answeredAt = 0
  written = 0
  idleAt = 0
  readonly sending = new Pace()
  readonly reading = new Pace()

  constructor(group: string | undefined) {
    this.group = group
  }
}

/** Replaces the method of a socket, which Node's server calls when the connection ends after an answer. */
function destroySoon(this: ServerSocket): void {
  if (this.parser?.incoming?.complete === false) linger(this)
  else Socket.prototype.destroySoon.call(this)
}

/** The requests whose clients may be as slow as they like. */
const unhurried = new WeakSet<IncomingMessage>()

/** Exempts a request, and the answer to it, from the minimum rate. */
export function allowSlowClient(request: IncomingMessage): void {
  unhurried.add(request)
}

const EVENT_STREAM = /^content-type: *text\/event-stream/im
const REPORT_EVERY_MS = 60_000
const LONGEST_SWEEP_MS = 1_000
const SHORTEST_SWEEP_MS = 10

/**
 * Limits the number of client connections to one listener, and ends the connections of clients that neither send the rest
 * of a request nor read their answer. It looks at all connections once a second, so that requests pay nothing for it.
 *
 * Node's own server ends idle connections and those whose request head arrives too slowly. Only the latter are counted
 * here.
 */
export class ClientConnections implements ClientConnectionsView {
  readonly #options: ClientConnectionOptions
  readonly #now: () => number
  readonly #sweepMs: number
  readonly #sendLimit: PaceLimit
  readonly #readLimit: PaceLimit
  readonly #open = new Map<ServerSocket, Watched>()
  readonly #groups = new Map<string, number>()
  readonly #reportedAt: Partial<Record<RefusalReason, number>> = {}
  #timer: NodeJS.Timeout | undefined
  readonly refused = { total: 0, address: 0 }
  readonly ended = { 'head-late': 0, idle: 0, 'body-idle': 0, 'body-slow': 0, 'send-idle': 0, 'send-slow': 0 }

  constructor(options: ClientConnectionOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    const {
      idleTimeoutMs,
      bodyIdleTimeoutMs,
      sendIdleTimeoutMs,
      minBytesPerSecond,
      minRateGraceMs: graceMs,
    } = options
    this.#sendLimit = { minBytesPerSecond, graceMs, maxLeadMs: bodyIdleTimeoutMs }
    this.#readLimit = { minBytesPerSecond, graceMs, maxLeadMs: sendIdleTimeoutMs }
    const timeouts = [idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs].filter(each => each > 0)
    if (minBytesPerSecond > 0) timeouts.push(graceMs)
    this.#sweepMs = Math.max(SHORTEST_SWEEP_MS, Math.min(LONGEST_SWEEP_MS, ...timeouts.map(each => each / 4)))
  }

  get open(): number {
    return this.#open.size
  }

  /** Registers a connection that was just accepted, or destroys it when a limit is reached. */
  accept(socket: Socket): void {
    const { maxConnections, maxConnectionsPerAddress: maxOfGroup, isTrustedProxy } = this.#options
    const address = plainAddress(socket.remoteAddress)
    if (maxConnections > 0 && this.#open.size >= maxConnections) {
      this.#refuse('total', socket, address)
      return
    }
    const group = maxOfGroup > 0 && !isTrustedProxy(address) ? addressGroup(address) : undefined
    if (group !== undefined) {
      const known = this.#groups.get(group) ?? 0
      if (known >= maxOfGroup) {
        this.#refuse('address', socket, address)
        return
      }
      this.#groups.set(group, known + 1)
    }
    this.#open.set(socket, new Watched(group))
    socket.once('close', () => this.#forget(socket))
    socket.destroySoon = destroySoon
    this.#timer ??= setInterval(() => this.sweep(), this.#sweepMs).unref()
  }

  /** Counts a connection that was ended because the head of a request did not arrive in time. */
  countSlowHead(): void {
    this.ended['head-late']++
  }

  /** Ends every connection whose timeout has expired. */
  sweep(): void {
    const now = this.#now()
    const { idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond } = this.#options
    for (const [socket, watched] of this.#open) {
      if (sendIdleTimeoutMs > 0 && this.#msWithoutTaking(socket, watched, now) >= sendIdleTimeoutMs) {
        this.#end('send-idle', socket)
      } else if (bodyIdleTimeoutMs > 0 && this.#msWithoutBody(socket, watched, now) >= bodyIdleTimeoutMs) {
        this.#end('body-idle', socket)
      } else if (idleTimeoutMs > 0 && this.#msWithoutRequest(socket, watched, now) >= idleTimeoutMs) {
        this.#end('idle', socket)
      } else if (minBytesPerSecond > 0) this.#endIfTooSlow(socket, watched, now)
    }
  }

  #endIfTooSlow(socket: ServerSocket, watched: Watched, now: number): void {
    const { _handle: handle, parser, _httpMessage: response } = socket
    // A WebSocket no longer has a parser.
    if (!handle || !parser) return
    const { incoming } = parser
    const sendsBody = incoming != null && response != null && isAwaited(incoming, response, handle.reading)
    const isSlowBody = watched.sending.isTooSlow(handle.bytesRead, sendsBody, now, this.#sendLimit)
    const queued = handle.writeQueueSize
    const isSlowReader = watched.reading.isTooSlow(
      handle.bytesWritten - queued,
      queued > 0,
      now,
      this.#readLimit,
    )
    if (!isSlowBody && !isSlowReader) return
    const request = isSlowBody ? incoming! : response?.req
    if ((request && unhurried.has(request)) || EVENT_STREAM.test(response?._header ?? '')) return
    this.#end(isSlowBody ? 'body-slow' : 'send-slow', socket)
  }

  /**
   * Returns how long the connection has had no request. Node's own timeout starts again with every byte, even with the
   * empty lines that a client may send between requests.
   */
  #msWithoutRequest(socket: ServerSocket, watched: Watched, now: number): number {
    const { _handle: handle, parser, _httpMessage: response } = socket
    // A WebSocket no longer has a parser.
    const hasNone = parser && !response && parser.incoming?.complete !== false
    if (!handle || !hasNone || handle.bytesWritten !== watched.written) {
      watched.written = handle?.bytesWritten ?? 0
      watched.idleAt = 0
      return 0
    }
    if (watched.idleAt === 0) watched.idleAt = now
    return now - watched.idleAt
  }

  /** Returns how long the client has read nothing of the data that waits for it. */
  #msWithoutTaking({ _handle: handle }: ServerSocket, watched: Watched, now: number): number {
    const queued = handle?.writeQueueSize ?? 0
    if (queued === 0) {
      watched.takenAt = 0
      return 0
    }
    const taken = handle!.bytesWritten - queued
    if (watched.takenAt === 0 || taken !== watched.taken) {
      watched.taken = taken
      watched.takenAt = now
    }
    return now - watched.takenAt
  }

  /**
   * Returns how long the client has sent nothing of a body that is incomplete. When the answer is over already, the rest
   * of the body is discarded, and the whole rest must arrive within the timeout.
   */
  #msWithoutBody(socket: ServerSocket, watched: Watched, now: number): number {
    const { _handle: handle, parser, _httpMessage: response } = socket
    const incoming = parser?.incoming
    if (!handle || !incoming || incoming.complete) {
      watched.receivedAt = 0
      watched.answeredAt = 0
      return 0
    }
    if (!response) {
      if (watched.answeredAt === 0) watched.answeredAt = now
      return now - watched.answeredAt
    }
    watched.answeredAt = 0
    const isHeld = !isAwaited(incoming, response, handle.reading)
    if (watched.receivedAt === 0 || isHeld || handle.bytesRead !== watched.received) {
      watched.received = handle.bytesRead
      watched.receivedAt = now
    }
    return now - watched.receivedAt
  }

  #end(reason: EndReason, socket: Socket): void {
    this.ended[reason]++
    socket.destroy()
  }

  #refuse(reason: RefusalReason, socket: Socket, address: string): void {
    this.refused[reason]++
    socket.destroy()
    const now = this.#now()
    if (now - (this.#reportedAt[reason] ?? Number.NEGATIVE_INFINITY) < REPORT_EVERY_MS) return
    this.#reportedAt[reason] = now
    this.#options.onRefused(reason, address)
  }

  #forget(socket: Socket): void {
    const watched = this.#open.get(socket)
    if (!watched) return
    this.#open.delete(socket)
    const { group } = watched
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

/**
 * Returns whether the gateway waits for more of a request's body. It does not before a node takes the first byte, while
 * data that has arrived waits for the node, and while the client waits to be asked for the body.
 */
function isAwaited(incoming: IncomingMessage, response: ExpectedResponse, isReading: boolean): boolean {
  if (response._expect_continue === true && response._sent100 !== true) return false
  return !incoming.complete && incoming.readableFlowing === true && incoming.readableLength === 0 && isReading
}
