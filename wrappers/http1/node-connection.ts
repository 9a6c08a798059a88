import type { Socket } from 'node:net'
import type { TunnelEnd } from '../../internal/http/client-exchange.ts'
import { type LateWriter, LateWrites } from '../../internal/late-writes.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { answerTrailers, ENDED_UNHEARD, InvalidAnswer } from '../transport/answer-rules.ts'
import type { NodeName } from '../transport/node-name.ts'
import { copyOf, openSocket, pieceOf, readBuffer, type SocketTarget } from '../transport/open-socket.ts'
import { isHandshakeRefusal } from '../transport/tls-failures.ts'
import type { AnswerHead } from './answer-head.ts'
import { AnswerReader, type AnswerSink } from './answer-reader.ts'
import type { ExchangeConnection, NodeExchange } from './node-exchange.ts'
import type { RequestBodySender } from './request-body-sender.ts'

export interface NodeConnectionOptions extends SocketTarget {
  readonly connectTimeoutMs: number
  /** The longest silence between two pieces of an answer's body; 0 = no limit. */
  readonly bodyIdleTimeoutMs: number
  /** How long an idle connection is kept when the node does not say. Must be shorter than the node's own timeout. */
  readonly keepAliveMs: number
  /** The largest head of an answer. */
  readonly answerHeadBytes: number
}

/** What a connection reports to. */
export interface ConnectionOwner {
  /** Is called when the connection is free for another request. */
  onFree(connection: NodeConnection): void
  onClosed(connection: NodeConnection): void
}

const SWITCHING_PROTOCOLS = 101
/** An idle connection is dropped this much before the node closes it, so that no request arrives at that moment. */
const KEEP_ALIVE_MARGIN_MS = 1_000
/**
 * How long the head of an answer may take after a failed write. It has nearly always arrived by then, or never comes: the
 * connection is gone, and the end of what can be read from it follows.
 */
const LAST_HEAD_MS = 1_000
const lateWrites = new LateWrites(setImmediate)

/**
 * An HTTP/1.1 connection to a node, which carries one request at a time.
 *
 * It reads below the socket's stream (`onread`). A failed write ends the request but not the connection: a node that
 * answers early and closes is read to the end, because its answer says more than the failure. Anything that is not
 * plainly one answer closes the connection, and so does anything that follows the answer. Only a 101 that was asked for
 * is followed by something else: the connection then waits until it is handed over.
 */
export class NodeConnection implements ExchangeConnection, AnswerSink, LateWriter {
  readonly #owner: ConnectionOwner
  readonly #options: NodeConnectionOptions
  readonly #socket: Socket
  /** When the connection is too old for another request, on the monotonic clock. */
  readonly #usableUntil: number
  #exchange: NodeExchange | undefined = undefined
  #sender: RequestBodySender | undefined = undefined
  readonly #reader: AnswerReader
  /** The head of a request without a body until it is written; empty = there is none. */
  #unsent = ''
  /** Answers that this connection has carried. */
  #carried = 0
  /** Whether a byte of the current answer has come. */
  #heard = false
  /** Why a write failed. The node gets no more of the request. */
  #writeError: NodeJS.ErrnoException | undefined = undefined
  #bodyTimer: NodeJS.Timeout | undefined = undefined
  #lastHeadTimer: NodeJS.Timeout | undefined = undefined
  /** The time for which the timer was set. */
  #bodyIdleMs = 0
  #isPaused = false
  #idleUntil = 0
  /** What came behind a 101 before the connection was handed over. */
  #held: Buffer | undefined = undefined
  /** Receives what the node sends once the connection is handed over. */
  #onBytes: ((bytes: Buffer) => void) | undefined = undefined

  /**
   * Begins to connect.
   *
   * @param onOpen is called once. With an error, the connection is closed, and its owner hears nothing more of it.
   */
  constructor(
    options: NodeConnectionOptions,
    name: NodeName,
    owner: ConnectionOwner,
    onOpen: (error: Error | undefined, connection: NodeConnection) => void,
  ) {
    this.#options = options
    this.#owner = owner
    this.#reader = new AnswerReader(this, options.answerHeadBytes)
    this.#usableUntil = name.usableUntil(performance.now())
    this.#socket = openSocket(
      {
        ...options,
        timeoutMs: options.connectTimeoutMs,
        onread: { buffer: readBuffer(), callback: this.#onRead },
        onWriteError: this.#onWriteError,
      },
      error => {
        if (!error) this.#listen()
        onOpen(error, this)
      },
    )
  }

  /** The IP address of the node; undefined while there is no connection to it. */
  get address(): string | undefined {
    return this.#socket.remoteAddress
  }

  /** Whether a request may be sent now. False once the idle time is over. */
  isUsable(now: number): boolean {
    return now < this.#idleUntil && this.#socket.writable
  }

  /**
   * Sends a request, whose answer goes to `exchange`.
   *
   * @param head of the request, latin1
   * @param body undefined when the request has none
   */
  send(exchange: NodeExchange, head: string, body: RequestBodySender | undefined): void {
    this.#exchange = exchange
    this.#heard = false
    this.#reader.start(exchange.method, exchange.isWebSocket)
    if (body === undefined) {
      this.#unsent = head
      lateWrites.add(this)
    } else {
      this.#sender = body
      body.start(this.#socket, head, failure => this.abort(failure))
    }
  }

  writeDue(): void {
    const head = this.#unsent
    this.#unsent = ''
    if (head !== '') this.#socket.write(head, 'latin1')
  }

  /** Stops reading the answer until `resume()`. What was already read is still delivered. */
  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
    this.#bodyTimer?.refresh()
  }

  /** Ends the exchange with `failure` and closes the connection. */
  abort(failure: UpstreamFailure): void {
    const exchange = this.#exchange
    this.#release()
    this.#socket.destroy()
    exchange?.onFailure(failure)
  }

  detach(): TunnelEnd {
    this.#exchange = undefined
    clearTimeout(this.#bodyTimer)
    this.#owner.onClosed(this)
    // The node may end its side of the tunnel before the client does.
    this.#socket.allowHalfOpen = true
    return {
      socket: this.#socket,
      read: onBytes => {
        this.#onBytes = onBytes
        this.resume()
        if (this.#held !== undefined) onBytes(this.#held)
        this.#held = undefined
      },
    }
  }

  /** Notifies an exchange that still waits for the head of its answer that the node hangs. */
  notifyHung(): void {
    if (this.#reader.head === undefined) this.#exchange?.onHung()
  }

  /** Closes the connection and fails its exchange, if it has one. */
  destroy(): void {
    this.abort(new UpstreamFailure('reset', new Error('the gateway closed the connection')))
  }

  /** Whether the node has never sent a byte. */
  get #isUnheard(): boolean {
    return this.#carried === 0 && !this.#heard
  }

  #listen(): void {
    this.#idleUntil = performance.now() + this.#options.keepAliveMs
    this.#socket
      .on('end', this.#onEnd)
      .on('error', error => this.#onBroken(error))
      .on('close', () => {
        this.#onBroken(new Error('the node closed the connection'))
        clearTimeout(this.#bodyTimer)
        clearTimeout(this.#lastHeadTimer)
        this.#owner.onClosed(this)
      })
  }

  readonly #onRead = (size: number, buffer: Uint8Array): boolean => {
    try {
      this.#read(buffer as Buffer, size)
    } catch (error) {
      if (!(error instanceof InvalidAnswer)) throw error
      this.abort(new UpstreamFailure('invalid', error))
    }
    return true
  }

  #read(buffer: Buffer, size: number): void {
    if (this.#exchange === undefined) {
      if (this.#onBytes) this.#onBytes(copyOf(buffer, 0, size))
      // The node sent something without a request.
      else this.destroy()
      return
    }
    if (this.#unsent !== '') {
      // No answer can come before its request. The node gets none, so another connection may carry it.
      this.#onBroken(new Error('the node sent something before it had the request'))
      return
    }
    this.#heard = true
    const end = this.#reader.read(buffer, size)
    if (this.#exchange === undefined) return
    if (end === -1) {
      if (this.#reader.head) this.#expectMore()
    } else if (this.#reader.head!.status === SWITCHING_PROTOCOLS) {
      if (end < size) this.#held = joined(this.#held, copyOf(buffer, end, size))
      this.pause()
    } else this.#finish(end < size)
  }

  onInterim(head: AnswerHead): void {
    if (head.status === 100) this.#sender?.proceed()
    else this.#exchange!.onInterim(head)
  }

  onHead(head: AnswerHead): void {
    this.#sender?.stopAsking()
    this.#exchange!.onHead(head)
  }

  onPiece(buffer: Buffer, from: number, to: number): void {
    // The exchange was aborted while it handled an earlier piece of the same read.
    if (this.#exchange === undefined) return
    this.#exchange.onChunk(pieceOf(buffer, from, to))
  }

  /** Ends the exchange. @param surplus whether bytes came behind the answer */
  #finish(surplus: boolean): void {
    const exchange = this.#exchange!
    const head = this.#reader.head!
    const { trailers } = this.#reader
    const isWholeRequestSent =
      this.#writeError === undefined && (this.#sender === undefined || this.#sender.isDone)
    const keepMs =
      head.keepAliveMs === undefined ? this.#options.keepAliveMs : head.keepAliveMs - KEEP_ALIVE_MARGIN_MS
    const now = performance.now()
    this.#idleUntil = Math.min(now + keepMs, this.#usableUntil)
    this.#release()
    this.#carried++
    if (!head.persistent || surplus || !isWholeRequestSent || this.#idleUntil <= now) this.#socket.destroy()
    else this.#owner.onFree(this)
    exchange.onEnd(trailers && answerTrailers.fields(trailers, head.connectionOptions))
  }

  /** Lets go of the exchange, and resumes reading if it had paused it. */
  #release(): void {
    this.#sender?.stop()
    this.#sender = undefined
    this.#exchange = undefined
    this.#unsent = ''
    this.resume()
  }

  #expectMore(): void {
    const idleMs = this.#exchange!.bodyIdleTimeoutMs ?? this.#options.bodyIdleTimeoutMs
    if (idleMs === this.#bodyIdleMs) {
      // All answers of the connection share one timer. When it fires between two answers, nothing happens.
      this.#bodyTimer?.refresh()
      return
    }
    this.#bodyIdleMs = idleMs
    clearTimeout(this.#bodyTimer)
    this.#bodyTimer = idleMs === 0 ? undefined : setTimeout(this.#onSilence, idleMs).unref()
  }

  readonly #onSilence = (): void => {
    if (this.#exchange === undefined || this.#reader.head === undefined || this.#isPaused) return
    this.abort(
      new UpstreamFailure('timeout', new Error('the node stopped sending in the middle of the body')),
    )
  }

  readonly #onWriteError = (error: Error): void => {
    this.#writeError = error
    if (this.#exchange === undefined) {
      this.#socket.destroy()
      return
    }
    this.#sender?.stop()
    if (this.#reader.head !== undefined) return
    this.#lastHeadTimer = setTimeout(() => {
      if (this.#reader.head === undefined) this.#onBroken(error)
    }, LAST_HEAD_MS).unref()
  }

  readonly #onEnd = (): void => {
    // The write has taken the error that reading would have met: without it, a body cut by a reset would look whole.
    const isReset = this.#writeError?.code === 'ECONNRESET'
    if (this.#exchange && this.#reader.head?.framing === 'close' && !isReset) this.#finish(false)
    else
      this.#onBroken(
        new Error(this.#isUnheard && !this.#options.tls ? ENDED_UNHEARD : 'the node ended the connection'),
      )
  }

  #onBroken(error: Error): void {
    if (this.#exchange === undefined) return
    // In TLS 1.3, a node judges the certificate of its client after the client has sent its first request.
    if (this.#isUnheard && isHandshakeRefusal(error)) this.abort(new UpstreamFailure('connect', error))
    else {
      const kind = this.#unsent === '' ? 'reset' : 'refused'
      this.abort(new UpstreamFailure(kind, this.#writeError ?? error, this.#carried > 0 && !this.#heard))
    }
  }
}

/** TLS delivers all records of a read, although the socket is paused. */
function joined(before: Buffer | undefined, bytes: Buffer): Buffer {
  return before === undefined ? bytes : Buffer.concat([before, bytes])
}
