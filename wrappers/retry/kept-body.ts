import type { BodyMemory } from '../../internal/body-memory.ts'
import type { BodyFlow, BodySink, RequestBody } from '../../internal/upstream.ts'

/**
 * A body in more chunks is let go: each takes some 100 bytes of memory beside its own, and clients can send one byte at a
 * time.
 */
const MAX_CHUNKS = 512

/**
 * A body that can be sent more than once, because its chunks are kept as they pass. When it grows too long, or there is
 * no memory left, it is let go: what was kept is dropped as soon as the try in flight has it, the rest passes without
 * being kept, and `begun` says that there is no other try. Nothing is read from the client before a try takes the first
 * byte. The owner calls `letGo()` when no other try will follow.
 */
export class KeptBody implements RequestBody, BodySink {
  begun = false
  ended = false
  error: Error | undefined = undefined
  /** Bounded by the tries that run at the same time: one, or two when the request is hedged. */
  readonly #flows: KeptFlow[] = []
  readonly #source: RequestBody
  readonly #maxBytes: number
  readonly #memory: BodyMemory
  #flow: BodyFlow | undefined = undefined
  #chunks: Buffer[] = []
  /** Chunks that were dropped before those in `#chunks`. */
  #dropped = 0
  #bytes = 0

  /** @param maxBytes a longer body is let go */
  constructor(source: RequestBody, maxBytes: number, memory: BodyMemory) {
    this.#source = source
    this.#maxBytes = maxBytes
    this.#memory = memory
  }

  get length(): number | undefined {
    return this.#source.length
  }

  get awaitsContinue(): boolean | undefined {
    return this.#source.awaitsContinue
  }

  get trailers(): readonly string[] | undefined {
    return this.#source.trailers
  }

  open(sink: BodySink): BodyFlow {
    const flow = new KeptFlow(this, sink)
    this.#flows.push(flow)
    return flow
  }

  /** Keeps nothing from now on. Discards the rest of the client's body unless a try still sends it. */
  letGo(): void {
    if (this.begun) return
    this.begun = true
    this.#memory.bytes -= this.#bytes
    this.#drop()
    if (this.#flows.length === 0) this.#flow?.stop()
  }

  /** Whether a chunk is no longer there. */
  isGone(index: number): boolean {
    return index < this.#dropped
  }

  /** Returns a chunk by its number; undefined when it has not come. */
  chunk(index: number): Buffer | undefined {
    return this.#chunks[index - this.#dropped]
  }

  /** Reads from the client if every try takes more; begins to at the first call. */
  adjust(): void {
    if (this.begun) this.#drop()
    const isWanted = this.#flows.length > 0 && !this.#flows.some(flow => flow.isPaused)
    if (isWanted) {
      this.#flow ??= this.#source.open(this)
      this.#flow.resume()
    } else this.#flow?.pause()
  }

  remove(flow: KeptFlow): void {
    const index = this.#flows.indexOf(flow)
    if (index === -1) return
    this.#flows.splice(index, 1)
    if (this.begun && this.#flows.length === 0) this.#flow?.stop()
    else this.adjust()
  }

  onData(given: Buffer): void {
    let chunk = given
    if (!this.begun) {
      this.#bytes += chunk.length
      this.#memory.bytes += chunk.length
      const isTooLong = this.#bytes > this.#maxBytes || this.#chunks.length >= MAX_CHUNKS
      if (isTooLong || this.#memory.bytes > this.#memory.maxBytes) this.letGo()
      else if (this.#chunks.length > 0 || chunk.length !== this.length) chunk = alone(chunk)
    }
    this.#chunks.push(chunk)
    this.#notify()
    if (this.begun) this.#drop()
  }

  onEnd(): void {
    this.ended = true
    this.#notify()
  }

  onError(error: Error): void {
    this.error = error
    this.#notify()
  }

  #notify(): void {
    for (const flow of [...this.#flows]) flow.advance()
  }

  /** Drops the chunks that every try in flight has. */
  #drop(): void {
    const next = Math.min(...this.#flows.map(flow => flow.next), this.#dropped + this.#chunks.length)
    this.#chunks.splice(0, next - this.#dropped)
    this.#dropped = next
  }
}

/**
 * Returns a chunk that keeps no more memory than its own. A short one may share 64 KiB with others, and a client that sends
 * slowly could keep that much with each. A body that comes in one chunk stays as it is, as most short ones do.
 */
function alone(chunk: Buffer): Buffer {
  if (chunk.buffer.byteLength <= 2 * chunk.length) return chunk
  const copy = Buffer.allocUnsafeSlow(chunk.length)
  chunk.copy(copy)
  return copy
}

/** Passes the body on from its beginning, to one try. */
class KeptFlow implements BodyFlow {
  isPaused = true
  /** The number of the chunk that is passed on next. */
  next = 0
  readonly #kept: KeptBody
  readonly #sink: BodySink
  #isOver = false

  constructor(kept: KeptBody, sink: BodySink) {
    this.#kept = kept
    this.#sink = sink
  }

  resume(): void {
    if (this.#isOver || !this.isPaused) return
    this.isPaused = false
    this.advance()
    if (!this.isPaused && !this.#isOver) this.#kept.adjust()
  }

  pause(): void {
    if (this.#isOver || this.isPaused) return
    this.isPaused = true
    this.#kept.adjust()
  }

  stop(): void {
    this.#isOver = true
    this.#kept.remove(this)
  }

  /** Passes on what has come. */
  advance(): void {
    // Another try that runs at the same time has taken the beginning before this one had its connection.
    if (this.#kept.isGone(this.next)) {
      this.stop()
      this.#sink.onError(new Error('the beginning of the body is no longer kept'))
      return
    }
    let chunk = this.#kept.chunk(this.next)
    while (chunk !== undefined && !this.isPaused && !this.#isOver) {
      this.next++
      this.#sink.onData(chunk)
      chunk = this.#kept.chunk(this.next)
    }
    if (this.#isOver) return
    const { ended, error } = this.#kept
    if (error) {
      this.stop()
      this.#sink.onError(error)
    } else if (ended && chunk === undefined) {
      this.stop()
      this.#sink.onEnd()
    }
  }
}
