import type { Socket } from 'node:net'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import type { AnswerHead } from './answer-head.ts'
import { AnswerReader, type AnswerSink } from './answer-reader.ts'
import { InvalidAnswer } from './invalid-answer.ts'
import type { ExchangeConnection, NodeExchange } from './node-exchange.ts'
import { openSocket } from './open-socket.ts'
import type { RequestBodySender } from './request-body-sender.ts'

export interface NodeConnectionOptions {
  readonly host: string
  readonly port: number
  readonly connectTimeoutMs: number
  /** The longest silence between two pieces of an answer's body; 0 = no limit. */
  readonly bodyIdleTimeoutMs: number
  /** How long an idle connection is kept when the node does not say. */
  readonly keepAliveMs: number
  /** Whether a connection may be made to an IP address. Default: to all. */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
}

/** What a connection reports to. */
export interface ConnectionOwner {
  /** Is called when the connection is free for another request. */
  onFree(connection: NodeConnection): void
  onClosed(connection: NodeConnection): void
}

/** Size of the buffer that a read fills. */
const READ_BYTES = 65_536
/** Pieces up to this size are handed on as text, longer ones as bytes. */
const MAX_TEXT_BYTES = 16_384
/**
 * The buffer into which all connections read in turn. Nothing refers to it once a read has been handled. With buffers
 * of their own, a thousand connections would hold 64 MB, and each would find its buffer evicted from the processor's
 * cache. Windows fills a buffer before it reports the read, so there every connection has its own.
 */
const sharedBuffer = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(READ_BYTES)
/** An idle connection is dropped this much before the node closes it, so that no request arrives at that moment. */
const KEEP_ALIVE_MARGIN_MS = 1_000

/**
 * An HTTP/1.1 connection to a node, which carries one request at a time.
 *
 * It reads below the socket's stream (`onread`). Anything that is not plainly one answer closes the connection, and so
 * does anything that follows the answer.
 */
export class NodeConnection implements ExchangeConnection, AnswerSink {
  readonly #owner: ConnectionOwner
  readonly #options: NodeConnectionOptions
  readonly #socket: Socket
  #exchange: NodeExchange | undefined = undefined
  #sender: RequestBodySender | undefined = undefined
  readonly #reader: AnswerReader
  /** Answers that this connection has carried. */
  #carried = 0
  /** Whether a byte of the current answer has come. */
  #heard = false
  #bodyTimer: NodeJS.Timeout | undefined = undefined
  /** The time for which the timer was set. */
  #bodyIdleMs = 0
  #isPaused = false
  #idleUntil = 0

  /**
   * Begins to connect.
   *
   * @param onOpen is called once. With an error, the connection is closed, and its owner hears nothing more of it.
   */
  constructor(
    options: NodeConnectionOptions,
    owner: ConnectionOwner,
    onOpen: (error: Error | undefined, connection: NodeConnection) => void,
  ) {
    this.#options = options
    this.#owner = owner
    this.#reader = new AnswerReader(this)
    this.#socket = openSocket(
      {
        host: options.host,
        port: options.port,
        timeoutMs: options.connectTimeoutMs,
        allows: options.allows,
        onread: { buffer: sharedBuffer ?? Buffer.allocUnsafeSlow(READ_BYTES), callback: this.#onRead },
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
    this.#reader.start(exchange.method)
    if (body === undefined) this.#socket.write(head, 'latin1')
    else {
      this.#sender = body
      body.start(this.#socket, head, failure => this.abort(failure))
    }
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

  /** Notifies an exchange that still waits for the head of its answer that the node hangs. */
  notifyHung(): void {
    if (this.#reader.head === undefined) this.#exchange?.onHung()
  }

  /** Closes the connection and fails its exchange, if it has one. */
  destroy(): void {
    this.abort(new UpstreamFailure('reset', new Error('the gateway closed the connection')))
  }

  #listen(): void {
    this.#idleUntil = performance.now() + this.#options.keepAliveMs
    this.#socket
      .on('end', this.#onEnd)
      .on('error', error => this.#onBroken(error))
      .on('close', () => {
        this.#onBroken(new Error('the node closed the connection'))
        clearTimeout(this.#bodyTimer)
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
    // The node sent something without a request.
    if (this.#exchange === undefined) {
      this.destroy()
      return
    }
    this.#heard = true
    const end = this.#reader.read(buffer, size)
    if (this.#exchange === undefined) return
    if (end !== -1) this.#finish(end < size)
    else if (this.#reader.head) this.#expectMore()
  }

  onHead(head: AnswerHead): void {
    this.#exchange!.onHead(head)
  }

  onPiece(buffer: Buffer, from: number, to: number): void {
    // The exchange was aborted while it handled an earlier piece of the same read.
    if (this.#exchange === undefined) return
    const isText = to - from <= MAX_TEXT_BYTES
    this.#exchange.onChunk(isText ? buffer.toString('latin1', from, to) : copyOf(buffer, from, to))
  }

  /** Ends the exchange. @param surplus whether bytes came behind the answer */
  #finish(surplus: boolean): void {
    const exchange = this.#exchange!
    const head = this.#reader.head!
    const isWholeRequestSent = this.#sender === undefined || this.#sender.isDone
    const keepMs =
      head.keepAliveMs === undefined ? this.#options.keepAliveMs : head.keepAliveMs - KEEP_ALIVE_MARGIN_MS
    this.#release()
    this.#carried++
    if (!head.persistent || surplus || !isWholeRequestSent || keepMs <= 0) this.#socket.destroy()
    else {
      this.#idleUntil = performance.now() + keepMs
      this.#owner.onFree(this)
    }
    exchange.onEnd()
  }

  /** Lets go of the exchange, and resumes reading if it had paused it. */
  #release(): void {
    this.#sender?.stop()
    this.#sender = undefined
    this.#exchange = undefined
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

  readonly #onEnd = (): void => {
    if (this.#exchange && this.#reader.head?.framing === 'close') this.#finish(false)
    else this.#onBroken(new Error('the node ended the connection'))
  }

  #onBroken(error: Error): void {
    if (this.#exchange === undefined) return
    this.abort(new UpstreamFailure('reset', error, this.#carried > 0 && !this.#heard))
  }
}

function copyOf(buffer: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(to - from)
  buffer.copy(copy, 0, from, to)
  return copy
}
