import type { FrameOutput } from './frame-output.ts'
import { ERROR, Http2Error, MAX_FRAME_BYTES } from './frames.ts'
import type { HpackEncoder } from './hpack-encoder.ts'
import { type Http2Stream, isInterim, type WaitingItem } from './http2-stream.ts'
import { DEFAULT_WINDOW_BYTES, MAX_WINDOW_BYTES } from './settings.ts'

/** Interim answers are hints. More than that do not wait on one stream. */
const MAX_WAITING_INTERIM = 8
const NOTHING = Buffer.alloc(0)

/** Who is told what became of what waited on a stream. */
export interface SendWindowOwner {
  /** All of it was sent. */
  onPassedOn(stream: Http2Stream): void
  /** A head or trailers have a name or a value that is not allowed in HTTP. */
  onUnsendable(stream: Http2Stream): void
}

/**
 * What streams send, within the windows that the other side gives (RFC 9113, section 6.9) and as the socket takes it.
 *
 * What can be sent at once is copied to the output. Otherwise it waits on its stream. Heads and trailers wait for the
 * socket alone, and bodies also for both windows. Streams whose bodies wait for the socket or for the connection's window
 * are served in turn, one frame each.
 */
export class SendWindow {
  readonly #output: FrameOutput
  readonly #encoder: HpackEncoder
  #window = DEFAULT_WINDOW_BYTES
  #initialWindow = DEFAULT_WINDOW_BYTES
  /** Streams that can go on without a window: next is a head, trailers, or an end without bytes. */
  readonly #windowless = new Set<Http2Stream>()
  /** Streams whose next item is a piece of a body, and whose own window is open. */
  readonly #bodies = new Set<Http2Stream>()
  /** HEADERS and DATA frames sent so far. */
  framesSent = 0

  constructor(output: FrameOutput, encoder: HpackEncoder) {
    this.#output = output
    this.#encoder = encoder
  }

  open(stream: Http2Stream): void {
    stream.sendWindow = this.#initialWindow
  }

  /** Sends or queues a head or trailers. Those of later streams never overtake: the order of heads opens streams. */
  head(stream: Http2Stream, lines: readonly string[], isEnd: boolean): void {
    if (stream.isSent || stream.endsAfterWaiting) return
    if (isWaiting(stream) || this.#output.isBlocked || this.#windowless.size > 0) {
      if (isInterim(lines) && (stream.waiting?.length ?? 0) >= MAX_WAITING_INTERIM) return
      this.#wait(stream, lines, isEnd)
      return
    }
    this.#writeHead(stream, lines, isEnd)
    if (isEnd) stream.isSent = true
  }

  /** Sends or queues a piece of a body. Returns false when something waits. */
  data(stream: Http2Stream, chunk: Buffer | string, isEnd: boolean): boolean {
    if (stream.isSent || stream.endsAfterWaiting) return true
    const { length } = chunk
    if (length === 0 && !isEnd) return !isWaiting(stream)
    let sent = 0
    if (!isWaiting(stream) && !this.#output.isBlocked && (length === 0 || this.#bodies.size === 0)) {
      for (;;) {
        const size = this.#sendable(stream, length - sent)
        if (size === 0 && length > 0) break
        this.#writeData(stream, chunk, sent, sent + size, isEnd && sent + size === length)
        sent += size
        if (sent < length) continue
        if (isEnd) stream.isSent = true
        return true
      }
    }
    this.#wait(stream, copyFrom(chunk, sent), isEnd)
    return false
  }

  /** Sends what may be sent now of all that waits. Must not be called while the socket is full. */
  flush(owner: SendWindowOwner): void {
    if (this.#windowless.size > 0) {
      for (const stream of this.#windowless) {
        this.#windowless.delete(stream)
        this.#advance(stream, owner)
      }
    }
    if (this.#bodies.size === 0) return
    // Streams that wait for more come to the end of the set, and are met again by this loop.
    for (const stream of this.#bodies) {
      if (this.#window <= 0 || this.#output.isBlocked) return
      this.#bodies.delete(stream)
      this.#advance(stream, owner)
    }
  }

  /** Drops what waits on a stream. */
  drop(stream: Http2Stream): void {
    if (stream.waiting === undefined) return
    this.#windowless.delete(stream)
    this.#bodies.delete(stream)
    stream.waiting = undefined
    stream.waitingOffset = 0
    stream.queuedBytes = 0
  }

  /** @throws Http2Error FLOW_CONTROL_ERROR for the connection */
  grow(increment: number): void {
    this.#window += increment
    if (this.#window > MAX_WINDOW_BYTES) throw overflow()
    if (this.#bodies.size > 0) this.#output.schedule()
  }

  /** Returns false if the stream's window becomes too large. */
  growStream(stream: Http2Stream, increment: number): boolean {
    stream.sendWindow += increment
    this.#unpark(stream)
    return stream.sendWindow <= MAX_WINDOW_BYTES
  }

  /**
   * The other side gives new streams another window, and those under way the difference.
   *
   * @throws Http2Error FLOW_CONTROL_ERROR for the connection
   */
  setInitialWindow(bytes: number, streams: Iterable<Http2Stream>): void {
    const difference = bytes - this.#initialWindow
    if (difference === 0) return
    this.#initialWindow = bytes
    for (const stream of streams) {
      stream.sendWindow += difference
      if (stream.sendWindow > MAX_WINDOW_BYTES) throw overflow()
      this.#unpark(stream)
    }
  }

  /** Lets a stream go on that waited for its own window. */
  #unpark(stream: Http2Stream): void {
    if (!isWaiting(stream)) return
    if (stream.sendWindow <= 0) this.#bodies.delete(stream)
    else this.#park(stream, stream.waiting![0]!)
  }

  #wait(stream: Http2Stream, item: WaitingItem, isEnd: boolean): void {
    stream.waiting ??= []
    stream.waiting.push(item)
    if (isBody(item)) stream.queuedBytes += item.length
    stream.endsAfterWaiting = isEnd
    if (stream.waiting.length === 1) this.#park(stream, item)
  }

  #park(stream: Http2Stream, next: WaitingItem): void {
    if (!isBody(next) || next.length === 0) this.#windowless.add(stream)
    else if (stream.sendWindow > 0) this.#bodies.add(stream)
    else return
    this.#output.schedule()
  }

  /** Sends what needs no window, and at most one frame of a body. */
  #advance(stream: Http2Stream, owner: SendWindowOwner): void {
    const waiting = stream.waiting!
    let hasSentBody = false
    for (let item = waiting[0]; item !== undefined; item = waiting[0]) {
      const isLast = stream.endsAfterWaiting && waiting.length === 1
      if (isBody(item)) {
        const from = stream.waitingOffset
        const missing = item.length - from
        if (missing > 0 && hasSentBody) break
        const size = this.#sendable(stream, missing)
        if (missing > 0 && size === 0) break
        stream.queuedBytes -= size
        this.#writeData(stream, item, from, from + size, isLast && size === missing)
        hasSentBody = true
        if (size < missing) {
          stream.waitingOffset += size
          break
        }
      } else if (!this.#writeWaitingHead(stream, item, isLast)) {
        owner.onUnsendable(stream)
        return
      }
      waiting.shift()
      stream.waitingOffset = 0
    }
    if (waiting.length > 0) {
      this.#park(stream, waiting[0]!)
      return
    }
    if (stream.endsAfterWaiting) stream.isSent = true
    owner.onPassedOn(stream)
  }

  /** Returns false if a name or a value is not allowed in HTTP. */
  #writeWaitingHead(stream: Http2Stream, lines: readonly string[], isEnd: boolean): boolean {
    try {
      this.#writeHead(stream, lines, isEnd)
      return true
    } catch (error) {
      if (error instanceof TypeError) return false
      throw error
    }
  }

  #writeHead(stream: Http2Stream, lines: readonly string[], isEnd: boolean): void {
    this.#encoder.encode(lines, this.#output.writer, stream.id, isEnd)
    this.framesSent++
    if (stream.id > this.#output.lastHeadId) this.#output.lastHeadId = stream.id
    this.#output.schedule()
  }

  /** Returns how many bytes of a body may be sent now, in one frame. */
  #sendable(stream: Http2Stream, bytes: number): number {
    const size = Math.min(bytes, MAX_FRAME_BYTES, stream.sendWindow, this.#window)
    return size > 0 && this.#output.hasRoomFor(size) ? size : 0
  }

  #writeData(stream: Http2Stream, chunk: Buffer | string, from: number, to: number, isEnd: boolean): void {
    stream.sendWindow -= to - from
    stream.sentBytes += to - from
    this.#window -= to - from
    this.#output.writer.data(stream.id, chunk, from, to, isEnd)
    this.framesSent++
    this.#output.schedule()
  }
}

function isWaiting(stream: Http2Stream): boolean {
  return stream.waiting !== undefined && stream.waiting.length > 0
}

function isBody(item: WaitingItem): item is Buffer {
  return !Array.isArray(item)
}

function copyFrom(chunk: Buffer | string, from: number): Buffer {
  if (from === chunk.length) return NOTHING
  return typeof chunk === 'string'
    ? Buffer.from(chunk.slice(from), 'latin1')
    : Buffer.from(chunk.subarray(from))
}

function overflow(): Http2Error {
  return new Http2Error(ERROR.flowControlError, 'a window is larger than 2^31-1')
}
