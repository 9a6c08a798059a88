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
import type { ConnectionWatch, SlowReason } from '../../../middleware/connection/connection-watch.ts'
import { ClientStream, type StreamOwner } from './client-stream.ts'
import { Farewell } from './farewell.ts'
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
  /** Called with the rule that the head of a request breaks, and its connection. */
  onMalformed(rule: string, socket: ClientStream['socket']): void
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

/** One HTTP/2 connection of a client, from its preface to the end of its socket, which it closes. */
export class ClientSession implements Http2ConnectionEvents, StreamOwner, ConnectionWatch, WatchedSession {
  readonly protocol = 'h2'
  readonly socket: Socket
  readonly streams = new Set<ClientStream>()
  readonly #host: SessionHost
  readonly #connection: Http2Connection
  readonly #watch: SessionWatch
  readonly #farewell: Farewell
  /** Streams with a part of a body that has just arrived. */
  #arrived: ClientStream[] = []
  /** Streams whose answers are written at the next flush. */
  #finished: ClientStream[] = []
  readonly #held: HeldBytes
  #sentByClosed = 0
  #requests = 0
  #idleSince = 0

  constructor(socket: Socket, host: SessionHost) {
    this.socket = socket
    this.#host = host
    this.#watch = new SessionWatch(host.limits)
    this.#held = new HeldBytes(host.hold, host.isOverShare)
    this.#connection = new Http2Connection({ ...host.connectionOptions, role: 'server', events: this })
    this.#farewell = new Farewell(socket, this.#connection)
    this.#connection.receive(CLIENT_PREFACE)
    socket
      .on('drain', () => this.#connection.drained())
      .on('error', () => {})
      .on('end', () => this.#farewell.onClientEnd(() => this.#cancelUnfinished()))
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

  /** Asks the client for another connection. This one ends when its streams are over, and no request is lost. */
  drain(): void {
    this.#farewell.announce()
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.socket.destroy()
  }

  /** Bytes of bodies that are held, because nodes or the client do not take them. */
  get heldBytes(): number {
    return this.#held.bytes
  }

  /** Cancels the streams whose bodies are held. */
  cancelHeld(): void {
    for (const stream of [...this.streams]) if (stream.holdsBytes) this.#cancel(stream, 'held-bytes')
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
    if (count > 0) return
    this.#idleSince = 0
    this.#farewell.onStreamsOver()
  }

  onPong(): void {
    this.#farewell.onPong()
  }

  onRetired(reason: Flood): void {
    this.#host.onEnded(reason, this.socket.remoteAddress)
    this.#farewell.endWithStreams()
  }

  onFatal({ code }: Http2Error, reason: FatalReason): void {
    this.#host.onEnded(
      reason === 'peer' ? (BY_CODE[code] ?? 'protocol-error') : reason,
      this.socket.remoteAddress,
    )
    this.#connection.closed()
    this.#farewell.endFailed()
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
    this.#host.onMalformed(rule, this.socket)
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
    if (this.#farewell.probe()) this.#cancelStuck()
    const reason = this.#watch.check(this, now, this.#cancel)
    if (reason !== undefined) {
      this.#host.onEnded(reason, this.socket.remoteAddress)
      return reason
    }
    if (this.idleMs(now) >= this.#host.keepAliveTimeoutMs) this.drain()
    return undefined
  }

  idleMs(now: number): number {
    if (this.streams.size > 0 || this.#connection.streamCount > 0) this.#idleSince = 0
    else if (this.#idleSince === 0) this.#idleSince = now
    return this.#idleSince === 0 ? 0 : now - this.#idleSince
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

  readonly #cancel = (stream: ClientStream, reason: SlowReason | 'held-bytes'): void => {
    this.#host.onEnded(reason, this.socket.remoteAddress)
    stream.cancel()
  }

  #cancelUnfinished(): void {
    for (const stream of [...this.streams]) if (!stream.isReceived) stream.cancel()
  }

  /** Cancels the streams that wait for a window, since the client can open none any more. */
  #cancelStuck(): void {
    if (this.#connection.isBlocked) return
    for (const stream of [...this.streams]) if (stream.queuedBytes > 0) stream.cancel()
  }

  readonly #onClose = (): void => {
    this.#farewell.closed()
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
