import { MAX_INTERIM_ANSWERS } from '../http/header-lines.ts'
import type { Http2ConnectionOptions } from './connection-options.ts'
import type { FloodBudget } from './flood-budget.ts'
import { paddingOf } from './frame-rules.ts'
import { ERROR, FLAG, Http2Error } from './frames.ts'
import type { HeaderBlock } from './header-block.ts'
import { HpackDecoder } from './hpack-decoder.ts'
import { DEFAULT_TABLE_BYTES } from './hpack-table.ts'
import { type Http2Stream, isInterim } from './http2-stream.ts'
import type { ReceiveWindow } from './receive-window.ts'
import type { StreamTable } from './stream-table.ts'

/** Acts on the frames that carry streams: HEADERS, DATA and RST_STREAM. Throws and resets as IncomingFrames does. */
export class StreamFrames {
  readonly #isServer: boolean
  readonly #options: Http2ConnectionOptions
  readonly #streams: StreamTable
  readonly #receiveWindow: ReceiveWindow
  readonly #budget: FloodBudget
  readonly #decoder: HpackDecoder

  constructor(
    options: Http2ConnectionOptions,
    streams: StreamTable,
    receiveWindow: ReceiveWindow,
    budget: FloodBudget,
  ) {
    const { role, maxListBytes, maxFields } = options
    this.#isServer = role === 'server'
    this.#options = options
    this.#streams = streams
    this.#receiveWindow = receiveWindow
    this.#budget = budget
    this.#decoder = new HpackDecoder({ maxTableBytes: DEFAULT_TABLE_BYTES, maxListBytes, maxFields })
  }

  /** Passes a piece of a body on, within both windows and the length that was announced. */
  onData(flags: number, streamId: number, bytes: Buffer, frameStart: number, frameEnd: number): void {
    const receiveWindow = this.#receiveWindow
    const flowBytes = frameEnd - frameStart
    if (!receiveWindow.take(flowBytes))
      throw new Http2Error(ERROR.flowControlError, 'DATA exceeds the window of the connection')
    let start = frameStart
    let end = frameEnd
    if (flags & FLAG.padded) {
      end -= paddingOf(bytes, start, end)
      start++
    }
    const isEnd = (flags & FLAG.endStream) !== 0
    if (start === end && !isEnd) this.#budget.spend('control-frames')
    const stream = this.#streams.get(streamId)
    if (stream === undefined) {
      receiveWindow.restore(flowBytes)
      this.#checkOver(streamId, flowBytes, isEnd)
      return
    }
    if (!receiveWindow.takeStream(stream, flowBytes)) {
      receiveWindow.restore(flowBytes)
      this.break(stream, ERROR.flowControlError, 'DATA exceeds the window of the stream')
    } else if (stream.isReceived) this.break(stream, ERROR.streamClosed, 'DATA behind the end of the stream')
    else if (!stream.hasReceivedHead) this.break(stream, ERROR.protocolError, 'DATA before a head')
    else if (!stream.takeExpected(end - start, isEnd))
      this.break(stream, ERROR.protocolError, 'a body has not the length of its content-length')
    else {
      if (flowBytes > end - start) receiveWindow.consume(stream, flowBytes - (end - start))
      if (isEnd) stream.isReceived = true
      if (start < end || isEnd) stream.onData(bytes, start, end, isEnd)
      if (isEnd) this.#streams.endIfDone(stream)
    }
  }

  /** Decodes a header block, which opens a stream, or is the head or the trailers of one. */
  onBlock({ streamId, isEnd, isSelfDependent, bytes, start, end }: HeaderBlock): void {
    const lines = this.#decoder.decode(bytes, start, end)
    let stream = this.#streams.get(streamId)
    if (stream !== undefined) {
      if (isSelfDependent) this.break(stream, ERROR.protocolError, 'a stream depends on itself')
      else if (stream.isReceived)
        this.break(stream, ERROR.streamClosed, 'HEADERS behind the end of the stream')
      else if (stream.hasReceivedHead) this.#onTrailers(stream, lines, isEnd)
      else this.#onHead(stream, lines, isEnd)
    } else if (!this.#streams.isNew(streamId)) {
      this.#checkOver(streamId, 0, isEnd)
      this.#budget.spend('control-frames')
    } else {
      this.#streams.lastPeerId = streamId
      if (streamId > this.#streams.acceptedId) this.#budget.spend('control-frames')
      else if (this.#streams.size >= this.#options.maxConcurrentStreams) {
        this.#streams.refuse(streamId, isEnd)
        this.#budget.spend('refused-streams')
      } else {
        stream = this.#options.events.createStream!(streamId)
        this.#streams.open(stream, streamId)
        if (isSelfDependent) this.break(stream, ERROR.protocolError, 'a stream depends on itself')
        else this.#onHead(stream, lines, isEnd)
      }
    }
  }

  /** Ends a stream, unless it is over already. */
  onRstStream(streamId: number, code: number): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined) {
      if (this.#streams.isIdle(streamId)) throw broken('RST_STREAM for a stream that was never opened')
      if (!this.#streams.ignoreReset()) this.#budget.spend('control-frames')
      return
    }
    this.#streams.cut(stream, code, 'peer')
    if (this.#isServer && !stream.hasSentHead) this.#budget.spend('early-resets')
  }

  /** Resets a stream on which the other side has broken the protocol, and counts that. */
  break(stream: Http2Stream, code: number, reason: string): void {
    this.#streams.break(stream, code, reason)
    this.#budget.spend('caused-resets')
  }

  #onHead(stream: Http2Stream, lines: string[] | undefined, isEnd: boolean): void {
    const isFinal = this.#isServer || lines === undefined || !isInterim(lines)
    if (isFinal) {
      stream.hasReceivedHead = true
      stream.isReceived = isEnd
    } else if (isEnd) {
      this.break(stream, ERROR.protocolError, 'an interim answer ends the stream')
      return
    } else if (++stream.interimHeads > MAX_INTERIM_ANSWERS) {
      this.break(stream, ERROR.enhanceYourCalm, 'too many interim answers')
      return
    }
    try {
      if (lines === undefined) stream.onHeadTooLarge(this.#decoder.refusedType)
      else stream.onHead(lines, isEnd)
    } catch (error) {
      this.#breakBy(error, stream)
    }
    if (isEnd) this.#streams.endIfDone(stream)
    if (lines === undefined) this.#budget.spend('large-heads')
  }

  #onTrailers(stream: Http2Stream, lines: string[] | undefined, isEnd: boolean): void {
    if (!isEnd) this.break(stream, ERROR.protocolError, 'trailers do not end the stream')
    else if (!stream.takeExpected(0, true))
      this.break(stream, ERROR.protocolError, 'a body has not the length of its content-length')
    else if (lines === undefined) this.break(stream, ERROR.protocolError, 'the trailers are too large')
    else {
      stream.isReceived = true
      try {
        stream.onTrailers(lines)
      } catch (error) {
        this.#breakBy(error, stream)
      }
      this.#streams.endIfDone(stream)
    }
    if (lines === undefined) this.#budget.spend('large-heads')
  }

  /** Checks a frame for a stream that is not open. Returns if it may be ignored. */
  #checkOver(streamId: number, bytes: number, isEnd: boolean): void {
    if (this.#streams.isIdle(streamId)) throw broken('a frame for a stream that was never opened')
    if (this.#streams.tolerates(streamId, bytes, isEnd)) return
    if (streamId > this.#streams.acceptedId) this.#budget.spend('control-frames')
    else throw new Http2Error(ERROR.streamClosed, 'a frame for a stream that is over')
  }

  #breakBy(error: unknown, stream: Http2Stream): void {
    if (!(error instanceof Http2Error)) throw error
    this.break(stream, error.code, error.message)
  }
}

function broken(rule: string): Http2Error {
  return new Http2Error(ERROR.protocolError, rule)
}
