import { FLAG, FRAME, HEADER_BYTES, MAX_FRAME_BYTES } from './frames.ts'

/** The buffer that a connection keeps: enough for a few heads. */
const SMALL_BYTES = 2_048
/** The buffer for more than that, which connections use in turn. */
const LARGE_BYTES = 65_536
/** How many large buffers are kept for the next writer. */
const MAX_SPARE = 16
const NOTHING = Buffer.alloc(0)

/** Large buffers that no writer uses. */
const spare: Buffer[] = []

/**
 * Collects frames in one buffer, so that the frames of a turn leave in one write.
 *
 * The bytes that `take` returns can be given to a socket. They are overwritten only after `reuse`, for which the caller
 * must know that the socket has let go of them.
 */
export class FrameWriter {
  /** A writer reserves the bytes, writes from `end` on, and moves `end`. */
  buffer: Buffer = NOTHING
  end = 0
  #start = 0
  /** The large buffer that the last take is in. */
  #taken: Buffer | undefined = undefined

  /** The number of bytes that were collected since the last take. */
  get length(): number {
    return this.end - this.#start
  }

  /** Returns the collected bytes, and begins a new collection. */
  take(): Buffer {
    const taken = this.buffer.subarray(this.#start, this.end)
    if (this.buffer.length <= SMALL_BYTES) {
      this.#taken = undefined
      this.#start = this.end
    } else {
      this.#taken = this.buffer
      this.buffer = NOTHING
      this.#start = this.end = 0
    }
    return taken
  }

  /** Uses the buffers of all takes again. To be called right after a take, when nobody refers to their bytes any more. */
  reuse(): void {
    if (this.#taken === undefined) this.#start = this.end = 0
    else if (this.#taken.length === LARGE_BYTES && spare.length < MAX_SPARE) spare.push(this.#taken)
    this.#taken = undefined
  }

  /** Makes room for bytes from `end` on. `buffer` and `end` may have changed afterwards. */
  reserve(bytes: number): void {
    if (this.buffer.length - this.end < bytes) this.#grow(bytes)
  }

  #grow(bytes: number): void {
    const collected = this.length
    const larger = bufferFor(collected + bytes)
    this.buffer.copy(larger, 0, this.#start, this.end)
    this.buffer = larger
    this.#start = 0
    this.end = collected
  }

  /** Writes the header of a frame, and makes room for its payload. */
  header(length: number, type: number, flags: number, streamId: number): void {
    this.reserve(HEADER_BYTES + length)
    writeHeader(this.buffer, this.end, length, type, flags, streamId)
    this.end += HEADER_BYTES
  }

  /** Writes DATA, in as many frames as needed: one empty frame when `from` equals `to`. A string is latin1. */
  data(streamId: number, chunk: Buffer | string, from: number, to: number, isEnd: boolean): void {
    for (let at = from; ; ) {
      const next = Math.min(at + MAX_FRAME_BYTES, to)
      this.header(next - at, FRAME.data, isEnd && next === to ? FLAG.endStream : 0, streamId)
      if (typeof chunk !== 'string') this.end += chunk.copy(this.buffer, this.end, at, next)
      else this.end += this.buffer.write(chunk.slice(at, next), this.end, 'latin1')
      if (next === to) return
      at = next
    }
  }

  /** @param pairs flat: identifier, value, identifier, value */
  settings(pairs: readonly number[]): void {
    this.header(pairs.length * 3, FRAME.settings, 0, 0)
    for (let i = 0; i < pairs.length; i += 2) {
      this.end = this.buffer.writeUInt16BE(pairs[i]!, this.end)
      this.#uint32(pairs[i + 1]!)
    }
  }

  settingsAck(): void {
    this.header(0, FRAME.settings, FLAG.ack, 0)
  }

  /** @param bytes contain the eight bytes of the payload, from `start` on */
  ping(bytes: Buffer, start: number, isAck: boolean): void {
    this.header(8, FRAME.ping, isAck ? FLAG.ack : 0, 0)
    this.end += bytes.copy(this.buffer, this.end, start, start + 8)
  }

  windowUpdate(streamId: number, increment: number): void {
    this.header(4, FRAME.windowUpdate, 0, streamId)
    this.#uint32(increment)
  }

  rstStream(streamId: number, code: number): void {
    this.header(4, FRAME.rstStream, 0, streamId)
    this.#uint32(code)
  }

  /** @param text debug data for the other side's log: ASCII */
  goaway(lastStreamId: number, code: number, text = ''): void {
    this.header(8 + text.length, FRAME.goaway, 0, 0)
    this.#uint32(lastStreamId)
    this.#uint32(code)
    this.end += this.buffer.write(text, this.end, 'latin1')
  }

  #uint32(value: number): void {
    this.end = this.buffer.writeUInt32BE(value, this.end)
  }

  /** Begins a header block. Returns the position that `endBlock` and `dropBlock` need. */
  beginBlock(): number {
    const begin = this.length
    this.reserve(HEADER_BYTES)
    this.end += HEADER_BYTES
    return begin
  }

  /** Ends a header block: the bytes since its beginning become HEADERS and as many CONTINUATION frames as needed. */
  endBlock(begin: number, streamId: number, isEnd: boolean): void {
    const endStream = isEnd ? FLAG.endStream : 0
    const length = this.length - begin - HEADER_BYTES
    if (length <= MAX_FRAME_BYTES) {
      const at = this.#start + begin
      writeHeader(this.buffer, at, length, FRAME.headers, FLAG.endHeaders | endStream, streamId)
      return
    }
    const pieces = Math.ceil(length / MAX_FRAME_BYTES)
    this.reserve((pieces - 1) * HEADER_BYTES)
    const first = this.#start + begin + HEADER_BYTES
    for (let i = pieces - 1; i >= 0; i--) {
      const from = first + i * MAX_FRAME_BYTES
      const to = Math.min(from + MAX_FRAME_BYTES, first + length)
      const target = from + i * HEADER_BYTES
      this.buffer.copyWithin(target, from, to)
      const flags = (i === 0 ? endStream : 0) | (i === pieces - 1 ? FLAG.endHeaders : 0)
      const type = i === 0 ? FRAME.headers : FRAME.continuation
      writeHeader(this.buffer, target - HEADER_BYTES, to - from, type, flags, streamId)
    }
    this.end += (pieces - 1) * HEADER_BYTES
  }

  /** Removes what was written since `beginBlock`. */
  dropBlock(begin: number): void {
    this.end = this.#start + begin
  }
}

function writeHeader(
  buffer: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  buffer[at] = length >> 16
  buffer[at + 1] = length >> 8
  buffer[at + 2] = length
  buffer[at + 3] = type
  buffer[at + 4] = flags
  buffer[at + 5] = streamId >> 24
  buffer[at + 6] = streamId >> 16
  buffer[at + 7] = streamId >> 8
  buffer[at + 8] = streamId
}

function bufferFor(bytes: number): Buffer {
  if (bytes <= SMALL_BYTES) return Buffer.allocUnsafe(SMALL_BYTES)
  if (bytes <= LARGE_BYTES) return spare.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES)
  return Buffer.allocUnsafeSlow(bytes * 2)
}
