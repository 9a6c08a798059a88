import type { Http2ConnectionOptions } from './connection-options.ts'
import type { FloodBudget } from './flood-budget.ts'
import type { FrameOutput } from './frame-output.ts'
import { checkFrame } from './frame-rules.ts'
import { ERROR, FLAG, FRAME, FrameReader, Http2Error, MAX_FRAME_BYTES, readUint31 } from './frames.ts'
import { HeaderBlock } from './header-block.ts'
import type { HpackEncoder } from './hpack-encoder.ts'
import type { SendWindow } from './send-window.ts'
import { PeerSettings } from './settings.ts'
import type { StreamFrames } from './stream-frames.ts'
import type { StreamTable } from './stream-table.ts'

/** The first bytes of a client (RFC 9113, section 3.4). */
export const CLIENT_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
/** What our pings carry, and so their answers. */
export const PING_BYTES = Buffer.from('waygate ', 'latin1')
/** As much of the text of a GOAWAY is passed on. */
const MAX_GOAWAY_TEXT = 256

/** The parts of a connection that frames act on. */
export interface ConnectionParts {
  readonly output: FrameOutput
  readonly encoder: HpackEncoder
  readonly sendWindow: SendWindow
  readonly streams: StreamTable
  readonly streamFrames: StreamFrames
  readonly budget: FloodBudget
}

/**
 * Reads what the other side sends, and acts on it. Errors of a stream reset it (RFC 9113, section 5.4.2). Errors of the
 * connection are thrown, and nothing may be read afterwards.
 */
export class IncomingFrames {
  readonly #isServer: boolean
  readonly #options: Http2ConnectionOptions
  readonly #parts: ConnectionParts
  readonly #streams: StreamTable
  readonly #streamFrames: StreamFrames
  readonly #budget: FloodBudget
  readonly #reader: FrameReader
  readonly #block = new HeaderBlock()
  readonly settings: PeerSettings
  #prefaceBytes = 0
  #hasAck = false
  /** Pings that we sent and that are not answered. */
  pings = 0
  hasGoaway = false

  constructor(options: Http2ConnectionOptions, parts: ConnectionParts) {
    this.#isServer = options.role === 'server'
    this.#options = options
    this.#parts = parts
    this.#streams = parts.streams
    this.#streamFrames = parts.streamFrames
    this.#budget = parts.budget
    this.#reader = new FrameReader(MAX_FRAME_BYTES, this.#onFrame)
    this.settings = new PeerSettings(!this.#isServer)
  }

  get isPrefaceDone(): boolean {
    return !this.#isServer || this.#prefaceBytes === CLIENT_PREFACE.length
  }

  /** Whether a frame or a header block has begun and is not whole. */
  get isMidFrame(): boolean {
    return this.#block.isOpen || !this.#reader.isBetweenFrames
  }

  /** @throws Http2Error for the connection; whatever else streams throw */
  push(bytes: Buffer): void {
    this.#reader.push(this.isPrefaceDone ? bytes : this.#withoutPreface(bytes))
  }

  #withoutPreface(bytes: Buffer): Buffer {
    const from = this.#prefaceBytes
    const length = Math.min(bytes.length, CLIENT_PREFACE.length - from)
    if (bytes.compare(CLIENT_PREFACE, from, from + length, 0, length) !== 0)
      throw broken('the connection does not begin with the preface')
    this.#prefaceBytes += length
    return bytes.subarray(length)
  }

  readonly #onFrame = (
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void => {
    if (this.#streams.isClosed) return
    checkFrame(type, flags, streamId, end - start)
    this.#block.expect(type, streamId)
    if (!this.settings.isKnown && (type !== FRAME.settings || flags & FLAG.ack))
      throw broken('the first frame is not SETTINGS')
    switch (type) {
      case FRAME.data:
        this.#streamFrames.onData(flags, streamId, bytes, start, end)
        return
      case FRAME.headers:
        if (this.#block.begin(flags, streamId, bytes, start, end)) this.#streamFrames.onBlock(this.#block)
        return
      case FRAME.continuation:
        if (this.#block.continue(flags, bytes, start, end)) this.#streamFrames.onBlock(this.#block)
        return
      case FRAME.windowUpdate:
        this.#onWindowUpdate(streamId, readUint31(bytes, start))
        return
      case FRAME.rstStream:
        this.#streamFrames.onRstStream(streamId, bytes.readUInt32BE(start))
        return
      case FRAME.settings:
        if (flags & FLAG.ack) this.#onSettingsAck()
        else this.#onSettings(bytes, start, end)
        return
      case FRAME.ping:
        if (flags & FLAG.ack) this.#onPong(bytes, start)
        else this.#onPing(bytes, start)
        return
      case FRAME.goaway:
        this.#onGoaway(readUint31(bytes, start), bytes.readUInt32BE(start + 4), bytes, start + 8, end)
        return
      case FRAME.priority:
        if (readUint31(bytes, start) === streamId) throw broken('a stream depends on itself')
    }
    // What is left is ignored: PRIORITY, PRIORITY_UPDATE, and unknown frames.
    this.#budget.spend('control-frames')
  }

  #onWindowUpdate(streamId: number, increment: number): void {
    this.#budget.spend('window-updates')
    const { sendWindow } = this.#parts
    if (streamId === 0) {
      if (increment === 0) throw broken('WINDOW_UPDATE by nothing')
      sendWindow.grow(increment)
      return
    }
    const stream = this.#streams.get(streamId)
    if (stream === undefined) {
      if (this.#streams.isIdle(streamId)) throw broken('WINDOW_UPDATE for a stream that was never opened')
    } else if (increment === 0)
      this.#streamFrames.break(stream, ERROR.protocolError, 'WINDOW_UPDATE by nothing')
    else if (!sendWindow.growStream(stream, increment))
      this.#streamFrames.break(stream, ERROR.flowControlError, 'a window is larger than 2^31-1')
  }

  #onSettings(bytes: Buffer, start: number, end: number): void {
    this.#budget.spend('control-frames')
    const { settings } = this
    const { encoder, sendWindow, output } = this.#parts
    settings.apply(bytes, start, end)
    encoder.setMaxTableBytes(settings.headerTableBytes)
    sendWindow.setInitialWindow(settings.initialWindowBytes, this.#streams.all())
    output.writer.settingsAck()
    output.addedControl()
    this.#options.events.onSettings?.()
  }

  #onSettingsAck(): void {
    if (this.#hasAck) this.#budget.spend('control-frames')
    this.#hasAck = true
  }

  #onPing(bytes: Buffer, start: number): void {
    this.#budget.spend('control-frames')
    this.#parts.output.writer.ping(bytes, start, true)
    this.#parts.output.addedControl()
  }

  #onPong(bytes: Buffer, start: number): void {
    if (this.pings === 0 || bytes.compare(PING_BYTES, 0, 8, start, start + 8) !== 0) {
      this.#budget.spend('control-frames')
      return
    }
    this.pings--
    this.#options.events.onPong?.()
  }

  #onGoaway(lastStreamId: number, code: number, bytes: Buffer, textStart: number, end: number): void {
    this.#budget.spend('control-frames')
    this.hasGoaway = true
    if (!this.#isServer) {
      // Nothing may be opened any more, so what still waits for the socket is not sent either.
      const lastId = Math.min(lastStreamId, this.#parts.output.lastHeadId)
      for (const stream of [...this.#streams.all()]) {
        if (stream.id > lastId) this.#streams.cut(stream, ERROR.refusedStream, 'goaway')
      }
    }
    const text = bytes.toString('latin1', textStart, Math.min(end, textStart + MAX_GOAWAY_TEXT))
    this.#options.events.onGoaway?.(lastStreamId, code, text)
  }
}

function broken(rule: string): Http2Error {
  return new Http2Error(ERROR.protocolError, rule)
}
