import type { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { addressGroup, plainAddress } from '../request/client-address.ts'
import { linger } from './linger.ts'

export interface ClientConnectionOptions {
  /** Connections at once; 0 = no limit. */
  readonly maxConnections: number
  /** Connections of one address at once; 0 = no limit. */
  readonly maxConnectionsPerAddress: number
  /** The longest silence of a client that owes the rest of a body; 0 = none. */
  readonly bodyIdleTimeoutMs: number
  /** How long a connection may have no request, whatever else comes on it; 0 = for ever. */
  readonly idleTimeoutMs: number
  /** How long a client may take nothing of what is sent to it; 0 = for ever. */
  readonly sendIdleTimeoutMs: number
  /** Addresses that stand for many clients, and are not limited as one. */
  readonly isTrustedProxy: (address: string) => boolean
  /** Told of a connection that is not taken; at most once a minute for each reason. */
  readonly onRefused: (reason: RefusalReason, address: string) => void
  /** Milliseconds on the monotonic clock. */
  readonly now?: () => number
}

export type RefusalReason = 'total' | 'address'
export type EndReason = 'head-late' | 'idle' | 'body-idle' | 'send-idle'

/** What is shown of the connections of clients. */
export interface ClientConnectionsView {
  readonly open: number
  /** Not taken since the start, by reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>
  /** Ended since the start because the client was too slow, by reason. */
  readonly ended: Readonly<Record<EndReason, number>>
}

/** What Node keeps of a connection beyond what it documents. */
interface ServerSocket extends Socket {
  readonly _handle?: {
    /** False while nothing is read, because what came before was not taken yet. */
    readonly reading: boolean
    readonly bytesRead: number
    /** Handed to the system or queued for it. */
    readonly bytesWritten: number
    /** Of them, those that the system has not taken. */
    readonly writeQueueSize: number
  } | null
  /** The message that is read, or was read last. */
  readonly parser?: { readonly incoming: IncomingMessage | null } | null
  /** The answer that is being written. */
  readonly _httpMessage?: ServerResponse | null
}

/** What was seen of a connection when it was looked at last. Times are 0 while there is nothing to wait for. */
class Watched {
  readonly group: string | undefined
  taken = 0
  takenAt = 0
  received = 0
  receivedAt = 0
  answeredAt = 0
  written = 0
  idleAt = 0

  constructor(group: string | undefined) {
    this.group = group
  }
}

/** In place of a socket's own, which Node's server calls when a connection ends with an answer. */
function destroySoon(this: ServerSocket): void {
  if (this.parser?.incoming?.complete === false) linger(this)
  else Socket.prototype.destroySoon.call(this)
}

const REPORT_EVERY_MS = 60_000
const LONGEST_SWEEP_MS = 1_000
const SHORTEST_SWEEP_MS = 10

/**
 * The connections of clients to one listener: limits how many there are, and ends those whose client neither sends
 * what it owes nor takes what it asked for. One look at all of them a second, so that it costs a request nothing.
 *
 * What Node's own server ends is not its affair: idle connections, and heads that come too slowly, which it counts.
 */
export class ClientConnections implements ClientConnectionsView {
  readonly #options: ClientConnectionOptions
  readonly #now: () => number
  readonly #sweepMs: number
  readonly #open = new Map<ServerSocket, Watched>()
  readonly #groups = new Map<string, number>()
  readonly #reportedAt: Partial<Record<RefusalReason, number>> = {}
  #timer: NodeJS.Timeout | undefined
  readonly refused = { total: 0, address: 0 }
  readonly ended = { 'head-late': 0, idle: 0, 'body-idle': 0, 'send-idle': 0 }

  constructor(options: ClientConnectionOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    const { idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs } = options
    const timeouts = [idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs].filter(each => each > 0)
    this.#sweepMs = Math.max(SHORTEST_SWEEP_MS, Math.min(LONGEST_SWEEP_MS, ...timeouts.map(each => each / 4)))
  }

  get open(): number {
    return this.#open.size
  }

  /** Takes a connection that was just accepted, or destroys it. */
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

  /** Counts a connection that was ended because the head of a request did not come in time. */
  endedLate(): void {
    this.ended['head-late']++
  }

  /** Looks at every connection once, and ends those whose time is over. */
  sweep(): void {
    const now = this.#now()
    const { idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs } = this.#options
    for (const [socket, watched] of this.#open) {
      if (sendIdleTimeoutMs > 0 && this.#msWithoutTaking(socket, watched, now) >= sendIdleTimeoutMs) {
        this.#end('send-idle', socket)
      } else if (bodyIdleTimeoutMs > 0 && this.#msWithoutBody(socket, watched, now) >= bodyIdleTimeoutMs) {
        this.#end('body-idle', socket)
      } else if (idleTimeoutMs > 0 && this.#msWithoutRequest(socket, watched, now) >= idleTimeoutMs) {
        this.#end('idle', socket)
      }
    }
  }

  /**
   * For how long there has been no request. Node's own limit begins anew with every byte, empty lines between requests
   * among them, and what takes too long over its head has begun one.
   */
  #msWithoutRequest(socket: ServerSocket, watched: Watched, now: number): number {
    const { _handle: handle, parser, _httpMessage: response } = socket
    // A WebSocket has no parser any more.
    const hasNone = parser && !response && parser.incoming?.complete !== false
    if (!handle || !hasNone || handle.bytesWritten !== watched.written) {
      watched.written = handle?.bytesWritten ?? 0
      watched.idleAt = 0
      return 0
    }
    if (watched.idleAt === 0) watched.idleAt = now
    return now - watched.idleAt
  }

  /** For how long the client has taken nothing of what waits for it. */
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
   * For how long the client has sent nothing of a body that it owes. When its answer is over all the same, the rest
   * of the body runs into nothing, and is waited for no longer than that in all.
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
    // What has come and was not taken is kept waiting by the node, not by the client.
    const isHeld = incoming.readableLength > 0 || !handle.reading
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
