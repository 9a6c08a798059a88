import type { Socket } from 'node:net'
import type { Expectation } from '../../../internal/http/client-exchange.ts'
import { Http2Connection } from '../../../internal/http2/connection.ts'
import type {
  Http2ConnectionEvents,
  Http2ConnectionOptions,
} from '../../../internal/http2/connection-options.ts'
import type { FatalReason, Flood } from '../../../internal/http2/flood-budget.ts'
import { ERROR, type Http2Error } from '../../../internal/http2/frames.ts'
import type { ResetBy } from '../../../internal/http2/http2-stream.ts'
import { CLIENT_PREFACE } from '../../../internal/http2/incoming-frames.ts'
import { MAX_STREAM_ID } from '../../../internal/http2/stream-table.ts'
import type { ConnectionWatch, SlowReason } from '../../../middleware/connection/connection-watch.ts'
import { ClientStream, type StreamOwner } from './client-stream.ts'
import { HeldBytes } from './held-bytes.ts'
import type { Http2EndReason } from './http2-counts.ts'
import { type SessionLimits, SessionWatch, type WatchedSession } from './session-watch.ts'

/** What all sessions of a listener share. */
export interface SessionHost {
  readonly connectionOptions: Omit<Http2ConnectionOptions, 'events' | 'role'>
  readonly limits: SessionLimits
  /** How long a connection without a request is kept. */
  readonly keepAliveTimeoutMs: number
  /** After so many requests a connection is closed; 0 = no limit. */
  readonly maxRequestsPerConnection: number
  serve(stream: ClientStream, expectation: Expectation): void
  refuseLargeHead(stream: ClientStream, contentType: string | undefined): void
  /** Called with the rule that the head of a request breaks. */
  onMalformed(rule: string, address: string | undefined): void
  /** Called with the connection of each request. */
  onRequest(socket: Socket): void
  onStreams(more: number): void
  onReset(by: 'client' | 'gateway'): void
  /** Whether clients are asked for another connection as soon as they send a request. */
  isDraining(): boolean
  /** Called when the gateway ends a connection or a stream. */
  onEnded(reason: Http2EndReason, address: string | undefined): void
  onClosed(session: ClientSession): void
  /** Notes that so many more bytes of bodies are held for the session; may be negative. */
  readonly hold: (bytes: number) => void
  /** Returns whether a session that holds so many bytes may hold no more. */
  readonly isOverShare: (bytes: number) => boolean
}

/** How long a client may take to answer the PING of a drain. */
const PING_TIMEOUT_MS = 3_000
/** How soon it is looked whether a client that has ended its side of a connection is gone; again about once a second. */
const PROBE_MS = 50
/** How long a client may take to end its side of a connection that is over. */
const FAREWELL_MS = 1_000

/** One HTTP/2 connection of a client, from its preface to the end of its socket, which it closes. */
export class ClientSession implements Http2ConnectionEvents, StreamOwner, ConnectionWatch, WatchedSession {
  readonly protocol = 'h2'
  readonly socket: Socket
  readonly streams = new Set<ClientStream>()
  readonly #host: SessionHost
  readonly #connection: Http2Connection
  readonly #watch: SessionWatch
  /** Streams with a part of a body that has just arrived. */
  #arrived: ClientStream[] = []
  /** Streams whose answers are written at the next flush. */
  #finished: ClientStream[] = []
  readonly #held: HeldBytes
  #sentByClosed = 0
  #requests = 0
  #idleSince = 0
  /** `announced`: the client was told to open no more streams. `closing`: those that it has opened were told, too. */
  #drain: 'none' | 'announced' | 'closing' = 'none'
  #timer: NodeJS.Timeout | undefined = undefined

  constructor(socket: Socket, host: SessionHost) {
    this.socket = socket
    this.#host = host
    this.#watch = new SessionWatch(host.limits)
    this.#held = new HeldBytes(host.hold, host.isOverShare)
    this.#connection = new Http2Connection({ ...host.connectionOptions, role: 'server', events: this })
    this.#connection.receive(CLIENT_PREFACE)
    socket
      .on('drain', () => this.#connection.drained())
      .on('error', () => {})
      .on('end', this.#onEnd)
      .once('close', this.#onClose)
  }

  /** Receives bytes from the socket. */
  receive(bytes: Buffer): void {
    this.#connection.receive(bytes)
    const arrived = this.#arrived
    if (arrived.length === 0) return
    this.#arrived = []
    for (const stream of arrived) stream.passBody()
  }

  /**
   * Asks the client for another connection: GOAWAY with the highest id there is, and once the client has seen it, GOAWAY with
   * the last id that is served. No request is lost (RFC 9113 section 6.8). The connection ends when its streams are over.
   */
  drain(): void {
    if (this.#drain !== 'none' || this.#connection.isOver) return
    this.#drain = 'announced'
    this.#connection.goaway(MAX_STREAM_ID, ERROR.noError)
    this.#connection.ping()
    this.#timer = setTimeout(() => this.onPong(), PING_TIMEOUT_MS).unref()
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.socket.destroy()
  }

  // What the connection calls.

  write(bytes: Buffer): boolean {
    // A socket that is written to after its end is destroyed, with all that it has not sent yet.
    return !this.socket.writableEnded && this.socket.write(bytes)
  }

  get holdsWritten(): boolean {
    return this.socket.writableLength > 0
  }

  wantsFlush(): void {
    flushLater(this)
  }

  flush(): void {
    this.#connection.flush()
    const finished = this.#finished
    if (finished.length === 0) return
    this.#finished = []
    for (const stream of finished) stream.finished()
  }

  createStream(): ClientStream {
    const { maxRequestsPerConnection } = this.#host
    this.#host.onRequest(this.socket)
    if (++this.#requests === maxRequestsPerConnection || this.#host.isDraining()) this.drain()
    return new ClientStream(this)
  }

  onStreamCount(count: number): void {
    if (count === 0) {
      this.#idleSince = 0
      if (this.#drain === 'closing') this.#endSocket()
    }
  }

  onPong(): void {
    if (this.#drain !== 'announced') return
    clearTimeout(this.#timer)
    this.#drain = 'closing'
    this.#connection.goaway(this.#connection.lastPeerStreamId, ERROR.noError)
    if (this.#connection.streamCount === 0) this.#endSocket()
  }

  onRetired(reason: Flood): void {
    this.#host.onEnded(reason, this.socket.remoteAddress)
    clearTimeout(this.#timer)
    this.#drain = 'closing'
    if (this.#connection.streamCount === 0) this.#endSocket()
  }

  onFatal({ code }: Http2Error, reason: FatalReason): void {
    this.#host.onEnded(
      reason === 'peer' ? (BY_CODE[code] ?? 'protocol-error') : reason,
      this.socket.remoteAddress,
    )
    this.#connection.closed()
    // A client that floods us would go on doing so.
    this.socket.pause()
    this.#endSocket()
    this.#destroySoon()
  }

  // What streams call.

  serve(stream: ClientStream, expectation: Expectation): void {
    if (this.#held.isOverShare) {
      stream.refuse()
      return
    }
    this.#open(stream)
    this.#host.serve(stream, expectation)
  }

  refuseLargeHead(stream: ClientStream, contentType: string | undefined): void {
    this.#open(stream)
    this.#host.refuseLargeHead(stream, contentType)
  }

  noteMalformed(rule: string): void {
    this.#host.onMalformed(rule, this.socket.remoteAddress)
  }

  passBodyLater(stream: ClientStream): void {
    if (this.#arrived.at(-1) !== stream) this.#arrived.push(stream)
  }

  finishLater(stream: ClientStream): void {
    this.#finished.push(stream)
    flushLater(this)
  }

  countReset(by: ResetBy): void {
    if (by !== 'closed') this.#host.onReset(by === 'peer' ? 'client' : 'gateway')
  }

  closed(stream: ClientStream): void {
    if (!this.streams.delete(stream)) return
    this.#sentByClosed += stream.sentBytes
    this.#host.onStreams(-1)
  }

  hold(bytes: number): void {
    this.#held.add(bytes)
  }

  giveBack(stream: ClientStream, bytes: number): void {
    this.#held.giveBack(stream, bytes)
  }

  // What the rules for slow clients ask, about once a second.

  check(now: number): SlowReason | undefined {
    this.#held.settleIfAllowed()
    if (this.socket.readableEnded) {
      this.#connection.ping()
      this.#cancelStuck()
    }
    const reason = this.#watch.check(this, now, this.#cancel)
    if (reason !== undefined) {
      this.#host.onEnded(reason, this.socket.remoteAddress)
      return reason
    }
    if (this.streams.size > 0 || this.#connection.streamCount > 0) this.#idleSince = 0
    else if (this.#idleSince === 0) this.#idleSince = now
    else if (now - this.#idleSince >= this.#host.keepAliveTimeoutMs) this.drain()
    return undefined
  }

  get isInHead(): boolean {
    const { settingsReceived, isMidFrame } = this.#connection
    return !settingsReceived || (isMidFrame && this.streams.size === 0)
  }

  get requests(): number {
    return this.#requests
  }

  get sentBytes(): number {
    let sent = this.#sentByClosed
    for (const stream of this.streams) sent += stream.sentBytes
    return sent
  }

  get unsentBytes(): number {
    return this.socket.writableLength
  }

  /** A window comes back once half of it was taken. */
  get maySendBodies(): boolean {
    return this.#connection.heldBytes * 2 < this.#host.connectionOptions.connectionWindowBytes
  }

  #open(stream: ClientStream): void {
    this.streams.add(stream)
    this.#host.onStreams(1)
  }

  readonly #cancel = (stream: ClientStream, reason: SlowReason): void => {
    this.#host.onEnded(reason, this.socket.remoteAddress)
    stream.cancel()
  }

  /**
   * Ends the socket behind what was written. Once that has left, which the rules for slow clients watch, the client has a
   * moment to end its own side.
   */
  #endSocket(): void {
    this.#drain = 'closing'
    clearTimeout(this.#timer)
    this.#connection.flush()
    this.socket.end(() => this.#destroySoon())
  }

  #destroySoon(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.socket.destroy(), FAREWELL_MS).unref()
  }

  /**
   * The client has ended its side of the connection. What it has asked for is answered, and then the connection ends. A
   * client that is gone altogether has ended its side, too. Its system resets the connection when something is sent, which
   * shows only when something is sent again.
   */
  readonly #onEnd = (): void => {
    const connection = this.#connection
    if (this.socket.writableEnded || connection.isOver) return
    clearTimeout(this.#timer)
    this.#drain = 'closing'
    if (connection.streamCount > 0) {
      connection.goaway(connection.lastPeerStreamId, ERROR.noError)
      this.#timer = setTimeout(() => connection.ping(), PROBE_MS).unref()
    }
    for (const stream of [...this.streams]) if (!stream.isReceived) stream.cancel()
    if (connection.streamCount === 0) this.#endSocket()
  }

  /** Cancels the streams that wait for a window, once the client can open none. */
  #cancelStuck(): void {
    this.#connection.flush()
    if (this.#connection.isBlocked) return
    for (const stream of [...this.streams]) if (stream.queuedBytes > 0) stream.cancel()
  }

  readonly #onClose = (): void => {
    clearTimeout(this.#timer)
    this.#connection.closed()
    for (const stream of [...this.streams]) stream.lost()
    this.#host.onClosed(this)
  }
}

const BY_CODE: Readonly<Record<number, Http2EndReason>> = {
  [ERROR.flowControlError]: 'flow-control-error',
  [ERROR.frameSizeError]: 'frame-size-error',
  [ERROR.compressionError]: 'compression-error',
}

let waiting: ClientSession[] = []

/**
 * Flushes a session at the end of this turn of the event loop. What all nodes have answered in the turn then leaves a
 * connection in one write, which costs far less than a write for each.
 */
function flushLater(session: ClientSession): void {
  if (waiting.push(session) === 1) setImmediate(flushAll)
}

function flushAll(): void {
  const sessions = waiting
  waiting = []
  for (const session of sessions) session.flush()
}
