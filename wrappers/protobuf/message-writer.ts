const FIRST_BYTES = 16_384
/** The prefix of a message in a gRPC body: a flag, and its length in four bytes. */
const PREFIX_BYTES = 5

/**
 * Writes protobuf messages from their end to their beginning. The length of what is written is known when its prefix is
 * due, so nothing is measured beforehand and nothing is moved. Values are written last one first.
 */
export class MessageWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #at = FIRST_BYTES

  /** The bytes written so far. Take the difference of two lengths for the length of what was written in between. */
  get length(): number {
    return this.#bytes.length - this.#at
  }

  /** Begins a message. What was written for another one is dropped. */
  begin(): void {
    this.#at = this.#bytes.length
  }

  /** Returns a copy of the message with the prefix that it has in a gRPC body. */
  takeFramed(): Buffer {
    const { length } = this
    const framed = Buffer.allocUnsafe(PREFIX_BYTES + length)
    framed[0] = 0
    framed.writeUInt32BE(length, 1)
    this.#bytes.copy(framed, PREFIX_BYTES, this.#at)
    // One large message must not stay in memory.
    if (this.#bytes.length > FIRST_BYTES * 16) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES)
    this.begin()
    return framed
  }

  varint(value: number): void {
    if (value < 0x80) {
      this.#reserve(1)
      this.#bytes[this.#at] = value
    } else this.varint64(value >>> 0, Math.floor(value / 0x1_0000_0000))
  }

  /** Writes a varint of 64 bits, given as two unsigned halves. */
  varint64(low: number, high: number): void {
    let size = 1
    for (let l = low, h = high; h > 0 || l > 0x7f; size++) {
      l = ((l >>> 7) | (h << 25)) >>> 0
      h >>>= 7
    }
    this.#reserve(size)
    const bytes = this.#bytes
    let at = this.#at
    let [l, h] = [low, high]
    for (let i = 1; i < size; i++) {
      bytes[at++] = (l & 0x7f) | 0x80
      l = ((l >>> 7) | (h << 25)) >>> 0
      h >>>= 7
    }
    bytes[at] = l
  }

  fixed32(value: number): void {
    this.#reserve(4)
    this.#bytes.writeUInt32LE(value >>> 0, this.#at)
  }

  fixed64(low: number, high: number): void {
    this.#reserve(8)
    this.#bytes.writeUInt32LE(low, this.#at)
    this.#bytes.writeUInt32LE(high, this.#at + 4)
  }

  float(value: number): void {
    this.#reserve(4)
    this.#bytes.writeFloatLE(value, this.#at)
  }

  double(value: number): void {
    this.#reserve(8)
    this.#bytes.writeDoubleLE(value, this.#at)
  }

  /** Writes a text as UTF-8, with its length in front. */
  text(value: string): void {
    const length = Buffer.byteLength(value)
    this.#reserve(length)
    this.#bytes.write(value, this.#at, length, 'utf8')
    this.varint(length)
  }

  /** Writes bytes, with their length in front. */
  bytes(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.varint(value.length)
  }

  #reserve(bytes: number): void {
    if (bytes > this.#at) this.#grow(bytes)
    this.#at -= bytes
  }

  #grow(bytes: number): void {
    const { length } = this
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, length + bytes))
    this.#bytes.copy(grown, grown.length - length, this.#at)
    this.#bytes = grown
    this.#at = grown.length - length
  }
}
