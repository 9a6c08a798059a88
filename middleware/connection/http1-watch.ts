import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ConnectionWatch, SlowClientLimits, SlowReason } from './connection-watch.ts'
import { Pace, type PaceLimit } from './pace.ts'

/** Undocumented fields of a socket of Node's HTTP server. */
export interface Http1Socket extends Socket {
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

/** The requests whose clients may be as slow as they like. */
const unhurried = new WeakSet<IncomingMessage>()

/** Exempts a request, and the answer to it, from the minimum rate. */
export function allowSlowClient(request: IncomingMessage): void {
  unhurried.add(request)
}

/** Matches the head of an event stream, whose client may read it as slowly as events come. */
const EVENT_STREAM = /^content-type: *text\/event-stream/im

/**
 * Judges an HTTP/1 connection, or the WebSocket that it has become, by what Node's parser says about it. Times are 0 while
 * the connection waits for nothing.
 */
export class Http1Watch implements ConnectionWatch {
  readonly protocol = 'h1'
  readonly #socket: Http1Socket
  readonly #limits: SlowClientLimits
  readonly #pace: { readonly sending: PaceLimit; readonly reading: PaceLimit }
  #taken = 0
  #takenAt = 0
  #received = 0
  #receivedAt = 0
  #answeredAt = 0
  #written = 0
  #idleAt = 0
  #sending: Pace | undefined = undefined
  #reading: Pace | undefined = undefined

  constructor(
    socket: Http1Socket,
    limits: SlowClientLimits,
    pace: { readonly sending: PaceLimit; readonly reading: PaceLimit },
  ) {
    this.#socket = socket
    this.#limits = limits
    this.#pace = pace
  }

  check(now: number): SlowReason | undefined {
    const { idleTimeoutMs, bodyIdleTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond } = this.#limits
    if (sendIdleTimeoutMs > 0 && this.#msWithoutTaking(now) >= sendIdleTimeoutMs) return 'send-idle'
    if (bodyIdleTimeoutMs > 0 && this.#msWithoutBody(now) >= bodyIdleTimeoutMs) return 'body-idle'
    if (idleTimeoutMs > 0 && this.idleMs(now) >= idleTimeoutMs) return 'idle'
    return minBytesPerSecond > 0 ? this.#findTooSlow(now) : undefined
  }

  #findTooSlow(now: number): SlowReason | undefined {
    const { _handle: handle, parser, _httpMessage: response } = this.#socket
    // A WebSocket no longer has a parser.
    if (!handle || !parser) return undefined
    const { incoming } = parser
    const sendsBody = incoming != null && response != null && isAwaited(incoming, response, handle.reading)
    const queued = handle.writeQueueSize
    // Most connections are idle, or wait for a node. Those need none before they are waited for.
    if (sendsBody) this.#sending ??= new Pace()
    if (queued > 0) this.#reading ??= new Pace()
    const taken = handle.bytesWritten - queued
    const isSlowBody = this.#sending?.isTooSlow(handle.bytesRead, sendsBody, now, this.#pace.sending)
    const isSlowReader = this.#reading?.isTooSlow(taken, queued > 0, now, this.#pace.reading)
    if (!isSlowBody && !isSlowReader) return undefined
    const request = isSlowBody ? incoming! : response?.req
    if ((request && unhurried.has(request)) || EVENT_STREAM.test(response?._header ?? '')) return undefined
    return isSlowBody ? 'body-slow' : 'send-slow'
  }

  /**
   * Returns how long the connection has had no request. Node's own timeout starts again with every byte, even with the
   * empty lines that a client may send between requests.
   */
  idleMs(now: number): number {
    const { _handle: handle, parser, _httpMessage: response } = this.#socket
    // A WebSocket no longer has a parser.
    const hasNone = parser && !response && parser.incoming?.complete !== false
    if (!handle || !hasNone || handle.bytesWritten !== this.#written) {
      this.#written = handle?.bytesWritten ?? 0
      this.#idleAt = 0
      return 0
    }
    if (this.#idleAt === 0) this.#idleAt = now
    return now - this.#idleAt
  }

  /** Returns how long the client has read nothing of the data that waits for it. */
  #msWithoutTaking(now: number): number {
    const { _handle: handle } = this.#socket
    const queued = handle?.writeQueueSize ?? 0
    if (queued === 0) {
      this.#takenAt = 0
      return 0
    }
    const taken = handle!.bytesWritten - queued
    if (this.#takenAt === 0 || taken !== this.#taken) {
      this.#taken = taken
      this.#takenAt = now
    }
    return now - this.#takenAt
  }

  /**
   * Returns how long the client has sent nothing of a body that is incomplete. When the answer is over already, the rest
   * of the body is discarded, and the whole rest must arrive within the timeout.
   */
  #msWithoutBody(now: number): number {
    const { _handle: handle, parser, _httpMessage: response } = this.#socket
    const incoming = parser?.incoming
    if (!handle || !incoming || incoming.complete) {
      this.#receivedAt = 0
      this.#answeredAt = 0
      return 0
    }
    if (!response) {
      if (this.#answeredAt === 0) this.#answeredAt = now
      return now - this.#answeredAt
    }
    this.#answeredAt = 0
    const isHeld = !isAwaited(incoming, response, handle.reading)
    if (this.#receivedAt === 0 || isHeld || handle.bytesRead !== this.#received) {
      this.#received = handle.bytesRead
      this.#receivedAt = now
    }
    return now - this.#receivedAt
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
