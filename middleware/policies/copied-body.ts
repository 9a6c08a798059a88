import type { BodyMemory } from '../../internal/body-memory.ts'
import { ByteCollector } from '../../internal/byte-collector.ts'
import type { BodyFlow, BodySink, RequestBody } from '../../internal/upstream.ts'

/** What became of a body: a copy of all of it is kept, it is longer than allowed, or the memory was full. */
export type CopyResult = 'whole' | 'too-large' | 'no-memory'

/**
 * A request body of which a copy is kept while it passes, at its own pace. The copy is bytes of its own, because a piece may
 * keep a much larger buffer alive. The owner calls `letGo` in the end.
 */
export class CopiedBody implements RequestBody {
  readonly #source: RequestBody
  readonly #maxBytes: number
  readonly #memory: BodyMemory
  readonly #pieces = new ByteCollector()
  /** The part of the memory that this copy has. */
  #bytes = 0
  #result: CopyResult | undefined = undefined
  #onResult: ((result: CopyResult) => void) | undefined = undefined
  #isLetGo = false

  /** @param maxBytes of a longer body, no copy is kept */
  constructor(source: RequestBody, maxBytes: number, memory: BodyMemory) {
    this.#source = source
    this.#maxBytes = maxBytes
    this.#memory = memory
  }

  get begun(): boolean {
    return this.#source.begun
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

  /** Returns the copy of a whole body, once. Its memory counts as taken until `letGo`. */
  take(): Buffer {
    return this.#pieces.take()
  }

  /** Calls back once the body has ended. It is not called for a body that never does, such as that of a client that left. */
  whenOver(listener: (result: CopyResult) => void): void {
    if (this.#result !== undefined) listener(this.#result)
    else this.#onResult = listener
  }

  open(sink: BodySink): BodyFlow {
    const flow = this.#source.open({
      onData: chunk => {
        this.#keep(chunk)
        sink.onData(chunk)
      },
      onEnd: () => {
        this.#end('whole')
        sink.onEnd()
      },
      onError: error => {
        this.#drop()
        sink.onError(error)
      },
    })
    return {
      get isPaused() {
        return flow.isPaused
      },
      resume: () => flow.resume(),
      pause: () => flow.pause(),
      stop: () => {
        // Another try can only begin at the beginning.
        if (this.#result === undefined) this.#drop()
        flow.stop()
      },
    }
  }

  /** Frees the copy, and keeps nothing from now on. */
  letGo(): void {
    this.#isLetGo = true
    this.#drop()
  }

  #keep(chunk: Buffer): void {
    if (this.#isLetGo || this.#result !== undefined) return
    const memory = this.#memory
    if (this.#bytes + chunk.length > this.#maxBytes) this.#end('too-large')
    else if (memory.bytes + chunk.length > memory.maxBytes) this.#end('no-memory')
    else {
      this.#bytes += chunk.length
      memory.bytes += chunk.length
      this.#pieces.add(this.#pieces.length === 0 ? Buffer.from(chunk) : chunk)
    }
  }

  #end(result: CopyResult): void {
    if (this.#result !== undefined) return
    this.#result = result
    if (result !== 'whole') this.#drop()
    this.#onResult?.(result)
  }

  #drop(): void {
    this.#memory.bytes -= this.#bytes
    this.#bytes = 0
    this.#pieces.take()
  }
}
