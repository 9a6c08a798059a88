import type { Socket } from 'node:net'
import { MAX_HEADER_LINES } from '../../internal/http/header-lines.ts'
import { Http2Connection } from '../../internal/http2/connection.ts'
import type { Http2ConnectionEvents } from '../../internal/http2/connection-options.ts'
import { ERROR, type Http2Error } from '../../internal/http2/frames.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import {
  ENDED_UNHEARD,
  InvalidAnswer,
  isTlsAlert,
  SPEAKS_HTTP1,
  SPEAKS_TLS,
} from '../transport/answer-rules.ts'
import { openSocket, readBuffer, type SocketTarget } from '../transport/open-socket.ts'
import { isHandshakeRefusal } from '../transport/tls-failures.ts'
import type { TryStream } from './try-stream.ts'

export interface SessionWireOptions extends SocketTarget {
  readonly connectTimeoutMs: number
  /** The largest head of an answer, as HPACK counts it: 32 bytes more for each field. */
  readonly answerHeadBytes: number
  /** Bytes of one answer that the node may send before they are taken. */
  readonly streamWindowBytes: number
  /** The same for all answers of the connection. */
  readonly connectionWindowBytes: number
}

/** What a wire reports to its session. */
export interface WireOwner {
  /** The connection is established. */
  onOpen(): void
  /** The node has said how many streams it allows, or has changed that. */
  onSettings(): void
  onGoaway(): void
  /** The node does too much of something: no stream can be opened any more, and those under way may finish. */
  onFlood(): void
  /** The connection is over, or was not established. Is called once, before the streams are told. */
  onOver(failure: UpstreamFailure): void
  /** The socket is closed. Last call. */
  onClosed(): void
}

/** How the answer of a node that speaks HTTP/1 begins. */
const HTTP1 = 'HTTP/1.'
/** More than this waits in the socket: nothing further is written until it is gone. */
const MAX_UNSENT_BYTES = 65_536
/** How long what the node sent before a write failed, or what is left to be sent to it, may take. */
const LAST_WORDS_MS = 1_000
/** The window of an answer before its client has taken anything. */
const FIRST_WINDOW_BYTES = 65_536

/**
 * Fields that may enter the header table of the node. Clients that do not know each other share the connection, and
 * whoever sees its lengths must not learn from them what another client sent. So these have values that all requests
 * share, and that are no secrets.
 */
const INDEXED: ReadonlySet<string> = new Set([
  ...[':method', ':scheme', ':authority', 'te', 'content-type', 'accept', 'accept-encoding'],
  ...['grpc-encoding', 'grpc-accept-encoding', 'x-forwarded-proto'],
])
const mayIndex = (name: string): boolean => INDEXED.has(name)
const now = (): number => performance.now()

/**
 * The socket of a session, and the HTTP/2 connection on it. It reads below the socket's stream, and a failed write does not
 * end it at once: what the node has sent before, such as a GOAWAY, says which calls it has not acted on.
 */
export class SessionWire implements Http2ConnectionEvents {
  readonly #options: SessionWireOptions
  readonly #owner: WireOwner
  readonly #socket: Socket
  /** Undefined until the connection is established. */
  connection: Http2Connection | undefined = undefined
  /** Why the connection is over; undefined while it is not. */
  failure: UpstreamFailure | undefined = undefined
  /** How often something was read. */
  reads = 0
  /** Streams that have received something in the present read. */
  #touched: TryStream[] = []
  #writeError: Error | undefined = undefined
  #lastWordsTimer: NodeJS.Timeout | undefined = undefined

  /** Begins to connect. */
  constructor(options: SessionWireOptions, owner: WireOwner) {
    this.#options = options
    this.#owner = owner
    this.#socket = openSocket(
      {
        ...options,
        timeoutMs: options.connectTimeoutMs,
        onread: { buffer: readBuffer(), callback: this.#onRead },
        onWriteError: this.#onWriteError,
      },
      error => {
        if (error === undefined) this.#opened()
        else {
          this.#over(new UpstreamFailure('connect', error))
          owner.onClosed()
        }
      },
    )
  }

  get isOpen(): boolean {
    return this.connection !== undefined && this.failure === undefined
  }

  /** Whether streams can be opened. */
  get isWritable(): boolean {
    return this.isOpen && this.#writeError === undefined
  }

  /** The IP address of the node; undefined while there is no connection to it. */
  get address(): string | undefined {
    return this.#socket.remoteAddress
  }

  /** Says goodbye and closes the connection. Streams that are left fail. */
  end(): void {
    if (this.isOpen) {
      this.connection!.goaway(0, ERROR.noError)
      this.connection!.flush()
    }
    this.#over(closedByUs())
    this.#endSocket()
  }

  /** Fails all streams and closes the connection. */
  destroy(failure: UpstreamFailure = closedByUs()): void {
    // A connection attempt that is cancelled reports its own error.
    if (this.connection !== undefined) this.#over(failure)
    this.#socket.destroy()
  }

  /** Notes that a stream has received something. After the read, it is told. */
  touch(stream: TryStream): void {
    this.#touched.push(stream)
  }

  write(bytes: Buffer): boolean {
    if (this.#writeError !== undefined || this.#socket.destroyed) return false
    this.#socket.write(bytes)
    return this.#socket.writableLength <= MAX_UNSENT_BYTES
  }

  get holdsWritten(): boolean {
    return this.#socket.writableLength > 0
  }

  wantsFlush(connection: Flushed): void {
    if (unflushed.push(connection) === 1) setImmediate(flushAll)
  }

  onSettings(): void {
    this.#owner.onSettings()
  }

  onGoaway(): void {
    this.#owner.onGoaway()
  }

  onRetired(): void {
    this.#owner.onFlood()
  }

  onFatal(error: Http2Error): void {
    this.#over(new UpstreamFailure('invalid', error))
    this.#endSocket()
  }

  #opened(): void {
    const { streamWindowBytes, connectionWindowBytes, answerHeadBytes } = this.#options
    this.connection = new Http2Connection({
      role: 'client',
      maxConcurrentStreams: 0,
      // For a client that takes nothing, no more is held than that.
      streamWindowBytes: Math.min(streamWindowBytes, FIRST_WINDOW_BYTES),
      maxStreamWindowBytes: streamWindowBytes,
      ...{ connectionWindowBytes, mayIndex, now },
      maxListBytes: answerHeadBytes,
      maxFields: MAX_HEADER_LINES,
      events: this,
    })
    this.#socket
      .on('drain', () => this.connection!.drained())
      .on('end', () => {
        const isUnheard = this.reads === 0 && !this.#options.tls
        this.#lost(new Error(isUnheard ? ENDED_UNHEARD : 'the node ended the connection'))
      })
      .on('error', error => this.#lost(error))
      .on('close', () => {
        this.#lost(new Error('the node closed the connection'))
        clearTimeout(this.#lastWordsTimer)
        this.#owner.onClosed()
      })
    this.#owner.onOpen()
  }

  readonly #onRead = (size: number, buffer: Uint8Array): boolean => {
    const bytes = (buffer as Buffer).subarray(0, size)
    if (this.failure !== undefined) return true
    if (this.reads++ === 0) {
      const start = bytes.toString('latin1', 0, HTTP1.length)
      const other = start === HTTP1 ? SPEAKS_HTTP1 : isTlsAlert(start) ? SPEAKS_TLS : undefined
      if (other !== undefined) {
        this.destroy(new UpstreamFailure('invalid', new InvalidAnswer(other)))
        return true
      }
    }
    this.connection!.receive(bytes)
    if (this.#touched.length > 0) {
      const touched = this.#touched
      this.#touched = []
      for (const stream of touched) stream.afterRead()
    }
    return true
  }

  readonly #onWriteError = (error: Error): void => {
    this.#writeError = error
    this.#lastWordsTimer = setTimeout(() => this.#lost(error), LAST_WORDS_MS).unref()
  }

  #lost(error: Error): void {
    const isRefused = this.reads === 0 && isHandshakeRefusal(error)
    this.#over(
      new UpstreamFailure(isRefused ? 'connect' : 'reset', isRefused ? error : (this.#writeError ?? error)),
    )
    this.#socket.destroy()
  }

  /** Closes the socket when all is sent, or after a time. */
  #endSocket(): void {
    this.#socket.destroySoon()
    clearTimeout(this.#lastWordsTimer)
    this.#lastWordsTimer = setTimeout(() => this.#socket.destroy(), LAST_WORDS_MS).unref()
  }

  /** The caller closes the socket. */
  #over(failure: UpstreamFailure): void {
    if (this.failure !== undefined) return
    this.failure = failure
    this.#owner.onOver(failure)
    this.connection?.closed()
  }
}

/** A connection that collects frames. */
interface Flushed {
  /** Writes what was collected. */
  flush(): void
}

/**
 * Connections that write at the end of this turn of the event loop. What all clients have asked in the turn then leaves a
 * connection in one write.
 */
let unflushed: Flushed[] = []

function flushAll(): void {
  const connections = unflushed
  unflushed = []
  for (const connection of connections) connection.flush()
}

function closedByUs(): UpstreamFailure {
  return new UpstreamFailure('reset', new Error('the gateway closed the connection'))
}
