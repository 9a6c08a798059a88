import type { Readable } from 'node:stream'

/** What a client expects before it sends its body (RFC 9110 section 10.1.1). */
export type Expectation = 'none' | 'continue' | 'unknown'

/**
 * One request as its listener received it; reading it yields the body. Node's IncomingMessage has this shape, so
 * HTTP/1 needs no object of its own; a listener of another protocol implements it.
 */
export interface ClientRequest extends Readable {
  readonly method?: string | undefined
  /** The request target, as it came. */
  readonly url?: string | undefined
  /** Flat: name, value, name, value. */
  readonly rawHeaders: readonly string[]
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  readonly socket: { readonly remoteAddress?: string | undefined }
}

/**
 * Takes the answer to one request. For HTTP/1 it is Node's ServerResponse with a few methods more, so writing to it
 * costs nothing extra; a listener of another protocol implements it.
 */
export interface ClientResponse {
  /** Whether the client has left, or the answer was aborted. */
  readonly destroyed: boolean
  readonly headersSent: boolean
  /** Of the head that was sent. */
  readonly statusCode: number
  /** Whether the whole answer was handed to the system. */
  readonly writableFinished: boolean
  /**
   * Sends the head with the next write.
   *
   * @param headers flat
   * @throws TypeError when a name or a value cannot be sent
   */
  writeHead(status: number, headers: string[]): unknown
  /** @returns false when the client takes no more for now; `drain` follows */
  write(chunk: Buffer): boolean
  write(text: string, encoding: 'latin1'): boolean
  end(): unknown
  end(chunk: Buffer): unknown
  end(text: string, encoding: 'latin1'): unknown
  /** Ends the answer with trailer fields, flat. Where the protocol or the client cannot take them, ends it without. */
  endWithTrailers(trailers: readonly string[]): void
  /** Asks the client for the body it holds back (100 Continue). Does nothing once a head was sent. */
  sendContinue(): void
  /** Asks the client to use another connection for its next request. Call it before `writeHead`. */
  closeAfter(): void
  /**
   * Breaks the answer off so that it never looks whole.
   *
   * @param isDelimited whether the client knows from the head how long the body would have been
   */
  abort(isDelimited: boolean): void
  on(event: 'close' | 'drain', listener: () => void): unknown
  once(event: 'close' | 'drain', listener: () => void): unknown
}
