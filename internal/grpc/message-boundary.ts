const PREFIX_BYTES = 5

/** Follows the messages of a body that passes, in whatever pieces, without keeping any. */
export class MessageBoundary {
  /** Bytes of the next prefix that have passed. */
  #prefixBytes = 0
  #length = 0
  /** Bytes of the present message that have yet to come. */
  #missing = 0

  /** Whether all messages that have begun are whole. */
  get isAtBoundary(): boolean {
    return this.#prefixBytes === 0 && this.#missing === 0
  }

  /** @param chunk bytes, or the same as latin1 */
  pass(chunk: Buffer | string): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#missing > 0) {
        const taken = Math.min(this.#missing, chunk.length - at)
        this.#missing -= taken
        at += taken
      } else {
        this.#addToPrefix(typeof chunk === 'string' ? chunk.charCodeAt(at) : chunk[at]!)
        at++
      }
    }
  }

  #addToPrefix(byte: number): void {
    if (this.#prefixBytes > 0) this.#length = this.#length * 256 + byte
    if (++this.#prefixBytes < PREFIX_BYTES) return
    this.#missing = this.#length
    this.#prefixBytes = 0
    this.#length = 0
  }
}
