const BETWEEN = 0x2c
const END = ']}]}]}'
/** The most bytes that one character of a text takes. */
const MAX_CHARACTER_BYTES = 3
const LEAST_BYTES = 16_384

/**
 * Spans that leave together, as the body of one request. They are written out as they come: texts that wait for a second would
 * outlive the collections of V8, which copies each of them, part by part.
 */
export class SpanBatch {
  count = 0
  #bytes: Buffer
  #used: number

  /**
   * @param beginning what stands in front of the first span
   * @param expectedBytes how many bytes it will probably have
   */
  constructor(beginning: string, expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, expectedBytes))
    this.#used = this.#bytes.write(beginning)
  }

  /** Adds a span. @param span JSON of OTLP */
  add(span: string): void {
    this.#reserve(span.length * MAX_CHARACTER_BYTES + 1)
    if (this.count++ > 0) this.#bytes[this.#used++] = BETWEEN
    this.#used += this.#bytes.write(span, this.#used)
  }

  /** Returns the whole body. No span may be added after it. */
  end(): Buffer {
    this.#reserve(END.length)
    this.#used += this.#bytes.write(END, this.#used)
    return this.#bytes.subarray(0, this.#used)
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#used + bytes))
    this.#bytes.copy(larger, 0, 0, this.#used)
    this.#bytes = larger
  }
}
