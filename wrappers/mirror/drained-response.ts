import { EventEmitter } from 'node:events'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'

/** What became of a body: it came whole, it was longer than allowed, or the node broke it off. */
export type DrainResult = 'whole' | 'long' | 'broken'

/** Takes the place of a client's response, and forgets what a node sends. */
export class DrainedResponse extends EventEmitter implements ClientResponse {
  readonly #maxBytes: number
  readonly #onOver: (result: DrainResult) => void
  #bytes = 0
  #isOver = false
  readonly headersSent = true
  readonly statusCode = 200
  readonly takesTrailers = true
  readonly copiesChunks = true

  /** @param onOver called once; after `long`, the caller ends the answer */
  constructor(maxBytes: number, onOver: (result: DrainResult) => void) {
    super()
    this.#maxBytes = maxBytes
    this.#onOver = onOver
  }

  get destroyed(): boolean {
    return this.#isOver
  }

  get writableFinished(): boolean {
    return this.#isOver
  }

  write(chunk: Buffer | string, _encoding?: 'latin1'): boolean {
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) this.#end('long')
    return true
  }

  end(chunk?: Buffer | string): void {
    if (chunk !== undefined) this.write(chunk)
    this.#end('whole')
  }

  endWithTrailers(): void {
    this.#end('whole')
  }

  abort(): void {
    this.#end('broken')
  }

  #end(result: DrainResult): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#onOver(result)
  }

  writeHead(): void {}
  writeInterim(): void {}
  sendContinue(): void {}
  allowSlowClient(): void {}
  closeAfter(): void {}
}
