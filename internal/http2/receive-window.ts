import type { FrameOutput } from './frame-output.ts'
import type { Http2Stream } from './http2-stream.ts'
import { DEFAULT_WINDOW_BYTES } from './settings.ts'

export interface ReceiveWindowOptions {
  readonly streamWindowBytes: number
  /** A stream's window doubles up to this while what it receives is taken as fast. Default: it stays. */
  readonly maxStreamWindowBytes?: number
  readonly connectionWindowBytes: number
}

/**
 * The windows that we give the other side (RFC 9113, section 6.9), of the connection and of each stream. Windows come back
 * as bytes are consumed, so they bound what is held. The other side is told once half of a window was consumed.
 */
export class ReceiveWindow {
  readonly #output: FrameOutput
  readonly #options: ReceiveWindowOptions
  #window: number
  #credit = 0
  /** Bytes that were delivered to streams and not consumed. */
  heldBytes = 0

  constructor(output: FrameOutput, options: ReceiveWindowOptions) {
    this.#output = output
    this.#options = options
    this.#window = options.connectionWindowBytes
  }

  /** The window that a stream begins with. */
  get streamWindowBytes(): number {
    return this.#options.streamWindowBytes
  }

  /** Tells the other side the size of the connection's window, which it does not learn from SETTINGS. */
  announce(): void {
    const increment = this.#options.connectionWindowBytes - DEFAULT_WINDOW_BYTES
    if (increment > 0) this.#output.windowUpdate(0, increment)
  }

  open(stream: Http2Stream): void {
    stream.receiveWindow = stream.receiveTarget = this.#options.streamWindowBytes
  }

  /** Takes a DATA frame, padding included, out of the connection's window. Returns false if that has not as much. */
  take(bytes: number): boolean {
    this.#window -= bytes
    return this.#window >= 0
  }

  /** Takes a DATA frame, padding included, out of a stream's window. Returns false if that has not as much. */
  takeStream(stream: Http2Stream, bytes: number): boolean {
    stream.receiveWindow -= bytes
    if (stream.receiveWindow < 0) return false
    stream.heldBytes += bytes
    this.heldBytes += bytes
    return true
  }

  /** Gives back what was held for a stream. Restores its window, too, unless nothing more is expected. */
  consume(stream: Http2Stream, wanted: number): void {
    const bytes = Math.min(wanted, stream.heldBytes)
    stream.heldBytes -= bytes
    this.heldBytes -= bytes
    this.restore(bytes)
    if (stream.isReceived || stream.isOver) return
    stream.receiveCredit += bytes
    if (stream.receiveCredit * 2 < stream.receiveTarget) return
    let increment = stream.receiveCredit
    stream.receiveCredit = 0
    const { maxStreamWindowBytes = 0 } = this.#options
    if (stream.heldBytes === 0 && stream.receiveTarget < maxStreamWindowBytes) {
      const larger = Math.min(stream.receiveTarget * 2, maxStreamWindowBytes)
      increment += larger - stream.receiveTarget
      stream.receiveTarget = larger
    }
    stream.receiveWindow += increment
    this.#output.windowUpdate(stream.id, increment)
  }

  /** Gives back bytes of the connection's window that no stream holds. */
  restore(bytes: number): void {
    this.#credit += bytes
    if (this.#credit * 2 < this.#options.connectionWindowBytes) return
    this.#window += this.#credit
    this.#output.windowUpdate(0, this.#credit)
    this.#credit = 0
  }
}
