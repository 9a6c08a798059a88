import { StandInResponse } from '../stand-in-response.ts'

/**
 * The connection of an answer that is longer is closed. Reading 1 MiB of each of 100 answers a second made the 99th percentile
 * of the requests themselves five times as long.
 */
const MAX_ANSWER_BYTES = 65_536

/** What became of a body: it came whole, it was longer than allowed, or the node broke it off. */
export type DrainResult = 'whole' | 'long' | 'broken'

/** Forgets what a node sends. */
export class DrainedResponse extends StandInResponse {
  readonly #onOver: (result: DrainResult) => void
  #bytes = 0

  /** @param onOver called once; after `long`, the caller ends the answer */
  constructor(onOver: (result: DrainResult) => void) {
    super()
    this.#onOver = onOver
  }

  write(chunk: Buffer | string): boolean {
    this.#bytes += chunk.length
    if (this.#bytes > MAX_ANSWER_BYTES) this.#over('long')
    return true
  }

  endWithTrailers(): void {
    this.#over('whole')
  }

  abort(): void {
    this.#over('broken')
  }

  #over(result: DrainResult): void {
    if (this.isOver) return
    this.isOver = true
    this.#onOver(result)
  }
}
