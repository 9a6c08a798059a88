import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'

type Listener = () => void

/** The response to a client that is not there. It collects what it gets, and takes no more while `isStalled` is set. */
export class TestResponse implements ClientResponse {
  destroyed = false
  headersSent = false
  statusCode = 0
  writableFinished = false
  readonly takesTrailers = true
  readonly copiesChunks: boolean
  isStalled = false
  trailers: readonly string[] | undefined
  /** Interim answers: status and headers. */
  readonly interim: { readonly status: number; readonly headers: readonly string[] }[] = []
  /** Whether the answer was broken off. */
  isAborted = false
  #chunks: Buffer[] = []
  readonly #over = Promise.withResolvers<void>()
  readonly #onDrain: Listener[] = []

  constructor(copiesChunks = false) {
    this.copiesChunks = copiesChunks
  }

  /** Resolves when the answer is whole or broken off. */
  get over(): Promise<void> {
    return this.#over.promise
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.bytes.toString('latin1')
  }

  /** Takes more again. */
  drain(): void {
    this.isStalled = false
    for (const listener of this.#onDrain) listener()
  }

  writeHead(status: number): void {
    this.statusCode = status
    this.headersSent = true
  }

  write(chunk: Buffer | string, _encoding?: 'latin1'): boolean {
    this.#chunks.push(
      typeof chunk === 'string'
        ? Buffer.from(chunk, 'latin1')
        : this.copiesChunks
          ? Buffer.from(chunk)
          : chunk,
    )
    return !this.isStalled
  }

  end(chunk?: Buffer | string, _encoding?: 'latin1'): void {
    if (chunk !== undefined) this.write(chunk)
    this.writableFinished = true
    this.#over.resolve()
  }

  endWithTrailers(trailers: readonly string[]): void {
    this.trailers = trailers
    this.end()
  }

  abort(): void {
    this.isAborted = true
    this.destroyed = true
    this.#over.resolve()
  }

  writeInterim(status: number, headers: readonly string[]): void {
    this.interim.push({ status, headers })
  }

  sendContinue(): void {}
  allowSlowClient(): void {}
  closeAfter(): void {}

  on(event: 'close' | 'drain', listener: Listener): this {
    if (event === 'drain') this.#onDrain.push(listener)
    return this
  }

  once(): this {
    return this
  }
}

/** Reads an answer to its end. */
export async function readAnswer(answer: UpstreamResponse): Promise<TestResponse> {
  const response = new TestResponse()
  response.writeHead(answer.status)
  answer.sendBody(response)
  await response.over
  return response
}
