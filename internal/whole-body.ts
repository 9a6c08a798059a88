import type { BodyFlow, BodySink, RequestBody } from './upstream.ts'

/** A body that is in memory, and so can be sent any number of times. */
export class WholeBody implements RequestBody {
  readonly #bytes: Buffer
  readonly begun = false
  readonly length: number

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.length = bytes.length
  }

  open(sink: BodySink): BodyFlow {
    return new WholeFlow(this.#bytes, sink)
  }
}

class WholeFlow implements BodyFlow {
  readonly #bytes: Buffer
  readonly #sink: BodySink
  #isOver = false
  isPaused = true

  constructor(bytes: Buffer, sink: BodySink) {
    this.#bytes = bytes
    this.#sink = sink
  }

  resume(): void {
    this.isPaused = false
    if (this.#isOver) return
    this.#isOver = true
    this.#sink.onData(this.#bytes)
    this.#sink.onEnd()
  }

  pause(): void {
    this.isPaused = true
  }

  stop(): void {
    this.#isOver = true
  }
}
