import type { Http2ConnectionOptions } from './connection-options.ts'
import { type Flood, FloodBudget, FloodError } from './flood-budget.ts'
import { FrameOutput } from './frame-output.ts'
import { ERROR, Http2Error } from './frames.ts'
import { HpackEncoder } from './hpack-encoder.ts'
import type { Http2Stream } from './http2-stream.ts'
import { CLIENT_PREFACE, IncomingFrames, PING_BYTES } from './incoming-frames.ts'
import { ReceiveWindow } from './receive-window.ts'
import { SendWindow } from './send-window.ts'
import { settingPairs } from './settings.ts'
import { StreamFrames } from './stream-frames.ts'
import { MAX_STREAM_ID, StreamTable } from './stream-table.ts'

/**
 * One HTTP/2 connection, as the client or as the server (RFC 9113). It reads and writes no socket and sets no timers: its
 * owner hands it what was received, and writes and flushes as it asks.
 *
 * At the first flush, the client sends its preface, and both sides their SETTINGS. Errors of the other side end the stream
 * or the connection, as the RFC says. What a stream does is told to its `Http2Stream`, and all else to the events.
 */
export class Http2Connection {
  readonly #options: Http2ConnectionOptions
  readonly #output: FrameOutput
  readonly #sendWindow: SendWindow
  readonly #receiveWindow: ReceiveWindow
  readonly #streams: StreamTable
  readonly #incoming: IncomingFrames
  #hasSentGoaway = false

  constructor(options: Http2ConnectionOptions) {
    const { role, events } = options
    this.#options = options
    const output = new FrameOutput(
      bytes => events.write(bytes),
      () => events.holdsWritten !== false,
      () => events.wantsFlush(this),
    )
    const encoder = new HpackEncoder(options)
    const sendWindow = new SendWindow(output, encoder)
    const receiveWindow = new ReceiveWindow(output, options)
    const streams = new StreamTable(role === 'server', events, output, sendWindow, receiveWindow)
    const budget = new FloodBudget(options, sendWindow, reason => this.#retire(reason))
    const streamFrames = new StreamFrames(options, streams, receiveWindow, budget)
    const parts = { output, encoder, sendWindow, streams, streamFrames, budget }
    this.#incoming = new IncomingFrames(options, parts)
    this.#output = output
    this.#sendWindow = sendWindow
    this.#receiveWindow = receiveWindow
    this.#streams = streams
    const { writer } = output
    if (role === 'client') {
      writer.reserve(CLIENT_PREFACE.length)
      writer.end += CLIENT_PREFACE.copy(writer.buffer, writer.end)
    }
    writer.settings(settingPairs(options))
    output.addedControl()
    receiveWindow.announce()
  }

  /** Whether the client's preface is complete. Always true in the role of the client. */
  get isPrefaceDone(): boolean {
    return this.#incoming.isPrefaceDone
  }

  /** Whether the SETTINGS of the other side were received. */
  get settingsReceived(): boolean {
    return this.#incoming.settings.isKnown
  }

  /** Whether a frame or a header block has begun and is not whole. The owner limits how long that may last. */
  get isMidFrame(): boolean {
    return this.#incoming.isMidFrame
  }

  /** Whether the connection failed or was closed. */
  get isOver(): boolean {
    return this.#streams.isClosed
  }

  /** Whether our GOAWAY was sent or the other side's was received, or the connection is over. */
  get isGoingAway(): boolean {
    return this.#hasSentGoaway || this.#incoming.hasGoaway || this.isOver
  }

  /** Client: whether a stream may be opened. */
  get canOpen(): boolean {
    return (
      !this.isGoingAway &&
      this.#streams.size < this.#incoming.settings.maxConcurrentStreams &&
      this.#streams.nextId <= MAX_STREAM_ID
    )
  }

  get streamCount(): number {
    return this.#streams.size
  }

  /** How many streams the other side allows; 100 before its SETTINGS; Infinity if they do not say. */
  get peerMaxConcurrentStreams(): number {
    return this.#incoming.settings.maxConcurrentStreams
  }

  /** The highest stream of the other side that we accepted: the last id of a GOAWAY that ends the connection. */
  get lastPeerStreamId(): number {
    return Math.min(this.#streams.lastPeerId, this.#streams.acceptedId)
  }

  /** Bytes of bodies that were delivered and not consumed. At most `connectionWindowBytes`. */
  get heldBytes(): number {
    return this.#receiveWindow.heldBytes
  }

  /** Whether the socket is full. */
  get isBlocked(): boolean {
    return this.#output.isBlocked
  }

  /** Whether the head of a stream that we opened may have left. If not, the other side has not acted on it. */
  hasWritten(stream: Http2Stream): boolean {
    return stream.id !== 0 && stream.id <= this.#output.writtenHeadId
  }

  /**
   * Receives bytes from the socket, which may be overwritten once this returns. Does not throw, unless one of the methods
   * of a stream does; the connection is then over.
   */
  receive(bytes: Buffer): void {
    if (this.isOver) return
    try {
      this.#incoming.push(bytes)
    } catch (error) {
      if (error instanceof Http2Error) this.#fail(error)
      else {
        this.#fail(new Http2Error(ERROR.internalError, 'a stream has thrown an error'))
        throw error
      }
    }
  }

  /**
   * Client: opens a stream and sends the head of its request.
   *
   * @param lines pseudo-header fields first. They are kept while they wait
   * @param isEnd whether the request has neither a body nor trailers
   * @throws Error if `canOpen` is false; TypeError if a name or a value is not allowed in HTTP, and nothing was sent
   */
  open(stream: Http2Stream, lines: readonly string[], isEnd: boolean): void {
    if (!this.canOpen) throw new Error('no stream can be opened on this connection')
    const id = this.#streams.nextId
    this.#streams.nextId += 2
    this.#streams.open(stream, id)
    try {
      stream.sendHead(lines, isEnd)
    } catch (error) {
      stream.reset(ERROR.internalError)
      throw error
    }
  }

  /** Sends a PING. Its answer is told by `onPong`. */
  ping(): void {
    if (this.isOver) return
    this.#incoming.pings++
    this.#output.writer.ping(PING_BYTES, 0, false)
    this.#output.addedControl()
  }

  /**
   * Sends GOAWAY. Requests above the id are ignored from now on, and a client opens no more streams.
   *
   * @param lastStreamId MAX_STREAM_ID to announce that another GOAWAY follows; `lastPeerStreamId` to accept nothing more
   * @param text for the other side's log: ASCII
   */
  goaway(lastStreamId: number, code: number, text = ''): void {
    if (this.isOver) return
    this.#hasSentGoaway = true
    this.#streams.acceptedId = Math.min(this.#streams.acceptedId, lastStreamId)
    this.#output.writer.goaway(this.#streams.acceptedId, code, text)
    this.#output.addedControl()
  }

  /** Writes what was sent in this turn. While the socket is full, it waits. */
  flush(): void {
    if (this.isOver) return
    if (this.#output.isOverrun) {
      this.#fail(new FloodError('unread-frames'))
      return
    }
    if (!this.#output.isBlocked) {
      do {
        this.#sendWindow.flush(this.#streams)
      } while (this.#output.write())
    }
    this.#output.flushed()
  }

  /** The socket takes bytes again, after `write` had returned false. */
  drained(): void {
    this.#output.isBlocked = false
    this.flush()
  }

  /** The socket has closed: every stream is told. Idempotent. */
  closed(): void {
    this.#streams.isClosed = true
    for (const stream of [...this.#streams.all()]) this.#streams.cut(stream, -1, 'closed')
  }

  #retire(reason: Flood): void {
    if (this.#hasSentGoaway && this.#streams.acceptedId !== MAX_STREAM_ID) return
    this.goaway(this.lastPeerStreamId, ERROR.enhanceYourCalm, reason)
    this.#options.events.onRetired?.(reason)
  }

  #fail(error: Http2Error): void {
    if (this.isOver) return
    this.goaway(this.lastPeerStreamId, error.code, error.message)
    this.#output.write()
    this.#streams.isClosed = true
    this.#options.events.onFatal(error, error instanceof FloodError ? error.reason : 'peer')
  }
}
