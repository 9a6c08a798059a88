import { QuietError } from '../http/quiet-error.ts'

/** The types of frames (RFC 9113 section 6). */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

/** The flags of frames. Two types share a bit with different meanings. */
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 32 } as const

/** The codes of RST_STREAM and GOAWAY (RFC 9113 section 7). */
export const ERROR = {
  noError: 0,
  protocolError: 1,
  internalError: 2,
  flowControlError: 3,
  settingsTimeout: 4,
  streamClosed: 5,
  frameSizeError: 6,
  refusedStream: 7,
  cancel: 8,
  compressionError: 9,
  connectError: 10,
  enhanceYourCalm: 11,
  inadequateSecurity: 12,
  http11Required: 13,
} as const

/** The identifiers of settings (RFC 9113 section 6.5.2). */
export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const

/** The default of SETTINGS_MAX_FRAME_SIZE, which every peer accepts. We announce no other size, and send no larger frames. */
export const MAX_FRAME_BYTES = 16_384

/** The length of a frame's header. */
export const HEADER_BYTES = 9

/** A violation of HTTP/2 by the other side. It captures no stack, because it is bad input and not a crash. */
export class Http2Error extends QuietError {
  override readonly name = 'Http2Error'
  /** One of ERROR, for RST_STREAM or GOAWAY. */
  readonly code: number
  /** The stream that fails; 0 = the whole connection. */
  readonly streamId: number

  constructor(code: number, message: string, streamId = 0) {
    super(message)
    this.code = code
    this.streamId = streamId
  }
}

/** Receives a whole frame. Its payload is `bytes` from `start` to before `end`, which is valid during the call only. */
export type OnFrame = (
  type: number,
  flags: number,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void

/** Splits the bytes of a connection into frames, however they are cut into pieces. */
export class FrameReader {
  readonly #maxFrameBytes: number
  readonly #onFrame: OnFrame
  /** A frame that has not arrived completely. There is room for all of it once its header has arrived. */
  #partial: Buffer = NOTHING
  /** The number of bytes that `#partial` holds. */
  #held = 0

  /** @param maxFrameBytes the longest payload that is accepted: the SETTINGS_MAX_FRAME_SIZE that we announced */
  constructor(maxFrameBytes: number, onFrame: OnFrame) {
    this.#maxFrameBytes = maxFrameBytes
    this.#onFrame = onFrame
  }

  /** Whether all bytes so far were whole frames. */
  get isBetweenFrames(): boolean {
    return this.#held === 0
  }

  /**
   * Reads the bytes that have arrived, which may be overwritten once this returns.
   *
   * @throws Http2Error FRAME_SIZE_ERROR when a frame is too long. The connection is then over.
   */
  push(bytes: Buffer): void {
    const size = bytes.length
    let at = this.#held > 0 ? this.#completePartial(bytes) : 0
    while (size - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + this.#payloadLength(bytes, at)
      if (end > size) break
      this.#emit(bytes, at, end)
      at = end
    }
    if (at < size) this.#hold(bytes, at)
  }

  #payloadLength(bytes: Buffer, at: number): number {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    if (length > this.#maxFrameBytes) throw new Http2Error(ERROR.frameSizeError, 'a frame is too long')
    return length
  }

  #emit(bytes: Buffer, at: number, end: number): void {
    this.#onFrame(bytes[at + 3]!, bytes[at + 4]!, readUint31(bytes, at + 5), bytes, at + HEADER_BYTES, end)
  }

  #hold(bytes: Buffer, from: number): void {
    const size = bytes.length - from
    this.#partial = roomFor(HEADER_BYTES + (size >= HEADER_BYTES ? this.#payloadLength(bytes, from) : 0))
    bytes.copy(this.#partial, 0, from)
    this.#held = size
  }

  /** @returns the index behind the bytes that belong to the frame */
  #completePartial(bytes: Buffer): number {
    let used = 0
    if (this.#held < HEADER_BYTES) {
      used = this.#take(bytes, 0, HEADER_BYTES)
      if (this.#held < HEADER_BYTES) return used
      const whole = roomFor(HEADER_BYTES + this.#payloadLength(this.#partial, 0))
      this.#partial.copy(whole, 0, 0, HEADER_BYTES)
      this.#partial = whole
    }
    const frame = this.#partial
    const length = HEADER_BYTES + this.#payloadLength(frame, 0)
    used = this.#take(bytes, used, length)
    if (this.#held === length) {
      this.#partial = NOTHING
      this.#held = 0
      this.#emit(frame, 0, length)
      if (frame.length === LARGE_BYTES && spare.length < MAX_SPARE) spare.push(frame)
    }
    return used
  }

  /** Copies bytes to `#partial` until it holds `wanted` bytes or `bytes` ends. Returns the index behind them. */
  #take(bytes: Buffer, from: number, wanted: number): number {
    const to = Math.min(from + wanted - this.#held, bytes.length)
    this.#held += bytes.copy(this.#partial, this.#held, from, to)
    return to
  }
}

const NOTHING = Buffer.alloc(0)
/** From this size on, frames are put together in buffers that all connections use in turn. */
const MIN_LARGE_BYTES = 4_096
const LARGE_BYTES = HEADER_BYTES + MAX_FRAME_BYTES
const MAX_SPARE = 16
/** Buffers for large frames that no connection uses. */
const spare: Buffer[] = []

function roomFor(bytes: number): Buffer {
  if (bytes < MIN_LARGE_BYTES || bytes > LARGE_BYTES) return Buffer.allocUnsafe(bytes)
  return spare.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES)
}

/** Reads a number of 31 bits, such as a stream id. The bit before it is reserved. */
export function readUint31(bytes: Buffer, at: number): number {
  return ((bytes[at]! & 0x7f) << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
}
