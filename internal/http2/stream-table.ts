import type { Http2ConnectionEvents } from './connection-options.ts'
import type { FrameOutput } from './frame-output.ts'
import { ERROR } from './frames.ts'
import type { Http2Stream, ResetBy, StreamConnection } from './http2-stream.ts'
import type { ReceiveWindow } from './receive-window.ts'
import type { SendWindow, SendWindowOwner } from './send-window.ts'

/** The highest stream id. As the last id of a GOAWAY, it announces that another GOAWAY follows. */
export const MAX_STREAM_ID = 2 ** 31 - 1
/** How many streams that we reset are remembered. */
const MAX_RESET = 1_000

/**
 * The streams of a connection, from when they are opened until they are over, and what must be known of those that are
 * over (RFC 9113, section 5.1).
 */
export class StreamTable implements StreamConnection, SendWindowOwner {
  readonly #isServer: boolean
  readonly #events: Http2ConnectionEvents
  readonly #output: FrameOutput
  readonly #sendWindow: SendWindow
  readonly #receiveWindow: ReceiveWindow
  readonly #streams = new Map<number, Http2Stream>()
  /** The highest stream that the other side has opened. */
  lastPeerId = 0
  /** The highest stream of the other side that we accept: the last id of our GOAWAY. */
  acceptedId = MAX_STREAM_ID
  /** The id of the next stream that we open. */
  nextId = 1
  /** Whether the connection is over, and streams send nothing more. */
  isClosed = false
  /** Streams that we reset, with the bytes of DATA that the other side may have sent before it learnt of that. */
  readonly #reset = new Map<number, number>()
  /** Streams that are over, less the RST_STREAM frames that came for such streams. */
  #ended = 0

  constructor(
    isServer: boolean,
    events: Http2ConnectionEvents,
    output: FrameOutput,
    sendWindow: SendWindow,
    receiveWindow: ReceiveWindow,
  ) {
    this.#isServer = isServer
    this.#events = events
    this.#output = output
    this.#sendWindow = sendWindow
    this.#receiveWindow = receiveWindow
  }

  get size(): number {
    return this.#streams.size
  }

  get(id: number): Http2Stream | undefined {
    return this.#streams.get(id)
  }

  all(): Iterable<Http2Stream> {
    return this.#streams.values()
  }

  /** Whether the other side opens a new stream with this id. */
  isNew(id: number): boolean {
    return this.#isServer && id > this.lastPeerId && (id & 1) === 1
  }

  /** Whether a stream was never opened. We never push, so even ids never are. */
  isIdle(id: number): boolean {
    return (id & 1) === 0 || (this.#isServer ? id > this.lastPeerId : id >= this.nextId)
  }

  open(stream: Http2Stream, id: number): void {
    stream.id = id
    stream.connection = this
    this.#sendWindow.open(stream)
    this.#receiveWindow.open(stream)
    this.#streams.set(id, stream)
    this.#events.onStreamCount?.(this.#streams.size)
  }

  /** Resets a stream that the other side opens and that we do not accept. */
  refuse(id: number, isEnd: boolean): void {
    this.#output.rstStream(id, ERROR.refusedStream)
    if (!isEnd) this.#noteReset(id, this.#receiveWindow.streamWindowBytes)
  }

  /** Ends a stream before its time, and tells it. Nothing is sent. */
  cut(stream: Http2Stream, code: number, by: ResetBy): void {
    if (stream.isOver) return
    if (by === 'goaway') this.#noteReset(stream.id, stream.receiveWindow)
    this.#drop(stream)
    stream.onReset(code, by, '')
  }

  /** Resets a stream on which the other side has broken the protocol, and tells it. */
  break(stream: Http2Stream, code: number, reason: string): void {
    if (stream.isOver) return
    this.resetStream(stream, code)
    stream.onReset(code, 'us', reason)
  }

  /** Ends a stream on which both sides have sent everything. */
  endIfDone(stream: Http2Stream): void {
    if (stream.isSent && stream.isReceived && !stream.isOver) this.#remove(stream)
  }

  /** Returns whether a frame for a stream that is over may have been sent before the other side learnt of our reset. */
  tolerates(id: number, bytes: number, isEnd: boolean): boolean {
    const left = this.#reset.get(id)
    if (left === undefined) return false
    if (isEnd || bytes > left) this.#reset.delete(id)
    else if (bytes > 0) this.#reset.set(id, left - bytes)
    return bytes <= left
  }

  /** Counts an RST_STREAM for a stream that is over. Returns false if there were more of them than such streams. */
  ignoreReset(): boolean {
    return --this.#ended >= 0
  }

  sendHead(stream: Http2Stream, lines: readonly string[], isEnd: boolean): void {
    if (stream.isOver || this.isClosed) return
    this.#sendWindow.head(stream, lines, isEnd)
    if (isEnd) this.endIfDone(stream)
  }

  sendData(stream: Http2Stream, chunk: Buffer | string, isEnd: boolean): boolean {
    if (stream.isOver) return true
    if (this.isClosed) return false
    const isSent = this.#sendWindow.data(stream, chunk, isEnd)
    if (isEnd) this.endIfDone(stream)
    return isSent
  }

  resetStream(stream: Http2Stream, code: number): void {
    if (stream.isOver) {
      this.#receiveWindow.consume(stream, stream.heldBytes)
      return
    }
    // The other side does not know a stream of ours whose head still waits.
    if (!this.isClosed && (this.#isServer || stream.id <= this.#output.lastHeadId)) {
      this.#output.rstStream(stream.id, code)
      if (!stream.isReceived) this.#noteReset(stream.id, stream.receiveWindow)
    }
    this.#drop(stream)
  }

  consume(stream: Http2Stream, bytes: number): void {
    this.#receiveWindow.consume(stream, bytes)
  }

  /** All that waited on a stream was sent. */
  onPassedOn(stream: Http2Stream): void {
    this.endIfDone(stream)
    stream.onDrain()
  }

  onUnsendable(stream: Http2Stream): void {
    this.break(stream, ERROR.internalError, 'a field is not allowed in HTTP')
  }

  #drop(stream: Http2Stream): void {
    // First, since an owner that learns of the last stream may flush.
    this.#sendWindow.drop(stream)
    this.#remove(stream)
    this.#receiveWindow.consume(stream, stream.heldBytes)
  }

  #remove(stream: Http2Stream): void {
    stream.isOver = true
    this.#ended++
    this.#streams.delete(stream.id)
    this.#events.onStreamCount?.(this.#streams.size)
  }

  /** Remembers a stream whose frames may still be on their way. */
  #noteReset(id: number, bytes: number): void {
    this.#reset.set(id, Math.max(0, bytes))
    if (this.#reset.size <= MAX_RESET) return
    for (const oldest of this.#reset.keys()) {
      this.#reset.delete(oldest)
      return
    }
  }
}
