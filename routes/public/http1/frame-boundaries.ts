const CLOSE = 8
const MASKED = 0x80

/**
 * Follows where the frames of one direction of a WebSocket begin and end (RFC 6455 section 5.2). It reads the length of
 * each frame and whether it is a close frame, holds no bytes, and takes whatever comes for frames.
 */
export class FrameBoundaries {
  /** Bytes of the present frame's head that were read; 0 outside of a head. */
  #headRead = 0
  #headSize = 2
  /** Bytes of the extended length, which follow the first two bytes of the head. */
  #lengthSize = 0
  #length = 0
  /** Bytes of the present frame's payload that are still to come. */
  #left = 0
  #isClose = false
  #hasClosed = false

  /** Whether the next byte begins a frame. */
  get isBetween(): boolean {
    return this.#headRead === 0 && this.#left === 0
  }

  /** Whether a whole close frame has passed. */
  get hasClosed(): boolean {
    return this.#hasClosed
  }

  /** Reads all bytes. */
  read(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at = this.#readPart(bytes, at)
  }

  /**
   * Reads up to the first end of a frame; nothing if the last one has ended before.
   *
   * @returns the index behind the last byte that was read
   */
  readToBoundary(bytes: Buffer): number {
    let at = 0
    while (at < bytes.length && !this.isBetween) at = this.#readPart(bytes, at)
    return at
  }

  /** Reads one byte of a head, or what there is of a payload. @returns the index behind it */
  #readPart(bytes: Buffer, at: number): number {
    if (this.#left === 0) {
      this.#readHead(bytes[at]!)
      return at + 1
    }
    const size = Math.min(this.#left, bytes.length - at)
    this.#left -= size
    if (this.#left === 0) this.#end()
    return at + size
  }

  #readHead(byte: number): void {
    if (this.#headRead === 0) {
      this.#isClose = (byte & 0x0f) === CLOSE
      this.#headSize = 2
    } else if (this.#headRead === 1) {
      const short = byte & 0x7f
      this.#lengthSize = short === 126 ? 2 : short === 127 ? 8 : 0
      this.#length = this.#lengthSize === 0 ? short : 0
      this.#headSize = 2 + this.#lengthSize + (byte & MASKED ? 4 : 0)
    } else if (this.#headRead < 2 + this.#lengthSize) this.#length = this.#length * 256 + byte
    this.#headRead++
    if (this.#headRead < this.#headSize) return
    this.#headRead = 0
    this.#left = this.#length
    if (this.#left === 0) this.#end()
  }

  #end(): void {
    if (this.#isClose) this.#hasClosed = true
  }
}
