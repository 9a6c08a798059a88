import type { ClientResponse } from './client-exchange.ts'

/** A response that passes everything on to another one. What changes an answer on its way to the client extends it. */
export class WrappedResponse implements ClientResponse {
  protected readonly target: ClientResponse

  constructor(target: ClientResponse) {
    this.target = target
  }

  get destroyed(): boolean {
    return this.target.destroyed
  }

  get headersSent(): boolean {
    return this.target.headersSent
  }

  get statusCode(): number {
    return this.target.statusCode
  }

  get writableFinished(): boolean {
    return this.target.writableFinished
  }

  get takesTrailers(): boolean {
    return this.target.takesTrailers
  }

  get copiesChunks(): boolean {
    return this.target.copiesChunks
  }

  writeHead(status: number, headers: string[]): unknown {
    return this.target.writeHead(status, headers)
  }

  write(chunk: Buffer | string, _encoding?: 'latin1'): boolean {
    return typeof chunk === 'string' ? this.target.write(chunk, 'latin1') : this.target.write(chunk)
  }

  end(chunk?: Buffer | string, _encoding?: 'latin1'): unknown {
    if (chunk === undefined) return this.target.end()
    return typeof chunk === 'string' ? this.target.end(chunk, 'latin1') : this.target.end(chunk)
  }

  endWithTrailers(trailers: readonly string[]): void {
    this.target.endWithTrailers(trailers)
  }

  writeInterim(status: number, headers: readonly string[]): void {
    this.target.writeInterim(status, headers)
  }

  sendContinue(): void {
    this.target.sendContinue()
  }

  allowSlowClient(): void {
    this.target.allowSlowClient()
  }

  closeAfter(): void {
    this.target.closeAfter()
  }

  abort(isDelimited: boolean): void {
    this.target.abort(isDelimited)
  }

  on(event: 'close' | 'drain', listener: () => void): unknown {
    return this.target.on(event, listener)
  }

  once(event: 'close' | 'drain', listener: () => void): unknown {
    return this.target.once(event, listener)
  }
}
