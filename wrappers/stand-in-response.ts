import { EventEmitter } from 'node:events'
import type { ClientResponse } from '../internal/http/client-exchange.ts'

/** Takes the place of a client's response whose head was sent, for the body of an answer that no client gets as it is. */
export abstract class StandInResponse extends EventEmitter implements ClientResponse {
  /** Whether nothing more is taken. */
  protected isOver = false
  readonly headersSent = true
  readonly statusCode = 200
  readonly takesTrailers = true
  /** A subclass copies what it keeps. */
  readonly copiesChunks = true

  get destroyed(): boolean {
    return this.isOver
  }

  get writableFinished(): boolean {
    return this.isOver
  }

  abstract write(chunk: Buffer | string, encoding?: 'latin1'): boolean

  end(chunk?: Buffer | string): void {
    if (chunk !== undefined) this.write(chunk)
    this.endWithTrailers(NO_TRAILERS)
  }

  abstract endWithTrailers(trailers: readonly string[]): void
  abstract abort(): void

  writeHead(): void {}
  writeInterim(): void {}
  sendContinue(): void {}
  allowSlowClient(): void {}
  closeAfter(): void {}
}

const NO_TRAILERS: readonly string[] = []
