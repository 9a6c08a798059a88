const NOTHING: Buffer = Buffer.alloc(0)
const FIRST_BYTES = 4_096

/**
 * Puts bytes together that come in pieces. It takes memory for the bytes alone, however small the pieces are: a list of
 * pieces of one byte would take a hundred times as much.
 */
export class ByteCollector {
  #room = NOTHING
  #length = 0

  /** The bytes that were added since the last `take`. */
  get length(): number {
    return this.#length
  }

  /** @param piece is kept and must not change: a single one is not copied */
  add(piece: Buffer): void {
    const length = this.#length + piece.length
    if (this.#length === 0) this.#room = piece
    else {
      if (length > this.#room.length) {
        const larger = Buffer.allocUnsafe(Math.max(length, this.#room.length * 2, FIRST_BYTES))
        this.#room.copy(larger, 0, 0, this.#length)
        this.#room = larger
      }
      piece.copy(this.#room, this.#length)
    }
    this.#length = length
  }

  /** Returns the bytes, and begins anew. */
  take(): Buffer {
    const bytes = this.#room.subarray(0, this.#length)
    this.#room = NOTHING
    this.#length = 0
    return bytes
  }
}
