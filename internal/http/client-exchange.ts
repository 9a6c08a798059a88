import type { Readable } from 'node:stream'

/** What a client expects before it sends its body (RFC 9110 section 10.1.1). */
export type Expectation = 'none' | 'continue' | 'unknown'

/**
 * One request as its listener received it; reading it yields the body. Node's IncomingMessage has this shape, so
 * HTTP/1 needs no object of its own. A listener of another protocol implements it.
 */
export interface ClientRequest extends Readable {
  readonly method?: string | undefined
  /** The request target as the client sent it. */
  readonly url?: string | undefined
  /** Header lines, flat: name, value, name, value. */
  readonly rawHeaders: readonly string[]
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  readonly socket: {
    readonly remoteAddress?: string | undefined
    /** Stops reading from the client at once. */
    pause(): unknown
    resume(): unknown
  }
}

/**
 * Receives the answer to one request. For HTTP/1 it is Node's ServerResponse with a few more methods, so writing to it
 * costs nothing extra. A listener of another protocol implements it.
 */
export interface ClientResponse {
  /** Whether the client has left, or the answer was aborted. */
  readonly destroyed: boolean
  readonly headersSent: boolean
  /** The status of the head that was sent. */
  readonly statusCode: number
  /** Whether the whole answer was handed to the operating system. */
  readonly writableFinished: boolean
  /**
   * Sets the head, which is sent with the next write.
   *
   * @param headers header lines, flat
   * @throws TypeError when a name or a value is not allowed in HTTP
   */
  writeHead(status: number, headers: string[]): unknown
  /** @returns false when the client takes no more for now; a `drain` event follows when it does */
  write(chunk: Buffer): boolean
  write(text: string, encoding: 'latin1'): boolean
  end(): unknown
  end(chunk: Buffer): unknown
  end(text: string, encoding: 'latin1'): unknown
  /** Ends the answer with trailer fields, flat; without them if the protocol or the client cannot take trailers. */
  endWithTrailers(trailers: readonly string[]): void
  /** Asks the client to send its body (100 Continue). Does nothing after the head was sent. */
  sendContinue(): void
  /** Lets the client send the rest of its request, and read the answer, as slowly as it likes. */
  allowSlowClient(): void
  /** Asks the client to use another connection for its next request. Call it before `writeHead`. */
  closeAfter(): void
  /**
   * Breaks the answer off in such a way that the client never takes it for complete.
   *
   * @param isDelimited whether the head tells the client where the body ends
   */
  abort(isDelimited: boolean): void
  on(event: 'close' | 'drain', listener: () => void): unknown
  once(event: 'close' | 'drain', listener: () => void): unknown
}
