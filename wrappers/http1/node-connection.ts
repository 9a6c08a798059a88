import type { Socket } from 'node:net'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import type { AnswerHead } from './answer-head.ts'
import { AnswerReader, type AnswerSink } from './answer-reader.ts'
import type { Exchange, ExchangeConnection } from './exchange.ts'
import { InvalidAnswer } from './invalid-answer.ts'
import { openSocket } from './open-socket.ts'
import type { RequestBodySender } from './request-body-sender.ts'

export interface NodeConnectionOptions {
  readonly host: string
  readonly port: number
  readonly connectTimeoutMs: number
  /** The longest silence between two pieces of an answer's body; 0 = none. */
  readonly bodyIdleTimeoutMs: number
  /** How long it is kept idle when the node does not say. */
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

/** Read at once. */
const READ_BYTES = 65_536
/** Pieces up to this are handed on as text, longer ones as bytes. */
const MAX_TEXT_BYTES = 16_384
/**
 * What all connections read into, one after the other: nothing of it is held when a read is over. A thousand of them
 * would hold 64 MB otherwise, and find each its own buffer gone cold. Windows fills a buffer before it says so, so
 * there every connection has its own.
 */
const sharedBuffer = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(READ_BYTES)
/** A node closes a connection when its time is over; a request must not meet it doing so. */
const KEEP_ALIVE_MARGIN_MS = 1_000

/**
 * An HTTP/1.1 connection to a node, which carries one request at a time.
 *
 * It reads below the socket's stream (`onread`), and reads an answer strictly: whatever is
 * not plainly one answer ends the connection, and so does anything that comes after it.
 */
export class NodeConnection implements ExchangeConnection, AnswerSink {
  readonly #owner: ConnectionOwner
  readonly #options: NodeConnectionOptions
  readonly #socket: Socket
  #exchange: Exchange | undefined = undefined
  #sender: RequestBodySender | undefined = undefined
  readonly #reader: AnswerReader
  /** Answers carried. */
  #carried = 0
  /** Whether a byte of the answer under way has come. */
  #heard = false
  #bodyTimer: NodeJS.Timeout | undefined = undefined
  /** What it was set to. */
  #bodyIdleMs = 0
  #isPaused = false
  #idleUntil = 0

  /** Begins to connect. `onOpen` is called once; with an error the connection is closed and was never there. */
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

  /** Whether a request may be sent on it now; its idle time is not over. */
  isUsable(now: number): boolean {
    return now < this.#idleUntil && this.#socket.writable
  }

  /**
   * @param head of the request, latin1
   * @param body undefined when it has none
   */
  send(exchange: Exchange, head: string, body: RequestBodySender | undefined): void {
    this.#exchange = exchange
    this.#heard = false
    this.#reader.start(exchange.method)
    if (body === undefined) this.#socket.write(head, 'latin1')
    else {
      this.#sender = body
      body.start(this.#socket, head, failure => this.abort(failure))
    }
  }

  /** Reads no more of the answer until `resume()`; at most what was read at once still comes. */
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

  /** Ends the exchange with `failure`, and the connection with it. */
  abort(failure: UpstreamFailure): void {
    const exchange = this.#exchange
    this.#release()
    this.#socket.destroy()
    exchange?.onFailure(failure)
  }

  /** Tells its exchange, if it waits for the head of an answer, that it waits in vain. */
  tellHung(): void {
    if (this.#reader.head === undefined) this.#exchange?.onHung()
  }

  /** Closes it, whatever it carries. */
  destroy(): void {
    this.abort(new UpstreamFailure('reset', new Error('the connection was closed here')))
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
    // Nobody has asked for anything.
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
    // Given up by who was handed the piece before.
    if (this.#exchange === undefined) return
    const isText = to - from <= MAX_TEXT_BYTES
    this.#exchange.onChunk(isText ? buffer.toString('latin1', from, to) : copyOf(buffer, from, to))
  }

  /** @param surplus whether bytes came behind the answer that nobody asked for */
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

  /** Forgets the exchange, and reads on whatever it had paused. */
  #release(): void {
    this.#sender?.stop()
    this.#sender = undefined
    this.#exchange = undefined
    this.resume()
  }

  #expectMore(): void {
    const idleMs = this.#exchange!.bodyIdleTimeoutMs ?? this.#options.bodyIdleTimeoutMs
    if (idleMs === this.#bodyIdleMs) {
      // One timer for all answers of the connection; between them it may fire into nothing.
      this.#bodyTimer?.refresh()
      return
    }
    this.#bodyIdleMs = idleMs
    clearTimeout(this.#bodyTimer)
    this.#bodyTimer = idleMs === 0 ? undefined : setTimeout(this.#onSilence, idleMs).unref()
  }

  readonly #onSilence = (): void => {
    if (this.#exchange === undefined || this.#reader.head === undefined || this.#isPaused) return
    this.abort(new UpstreamFailure('timeout', new Error('the node fell silent in the middle of the body')))
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
