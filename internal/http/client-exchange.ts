import type { Socket } from 'node:net'
import type { CLIENT_TLS, ClientTls } from './client-tls.ts'

/** What a client expects before it sends its body (RFC 9110 section 10.1.1). */
export type Expectation = 'none' | 'continue' | 'unknown'

/**
 * The head of one request as its listener received it. Its body is read with the listener's `BodyReader`. Node's
 * IncomingMessage has this shape, so HTTP/1 needs no object of its own. A listener of another protocol implements it.
 */
export interface ClientRequest {
  readonly method?: string | undefined
  /** The request target as the client sent it. */
  readonly url?: string | undefined
  /** Header lines, flat: name, value, name, value. */
  readonly rawHeaders: readonly string[]
  /** Trailers, flat; empty until the body has ended. */
  readonly rawTrailers: readonly string[]
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  readonly socket: { readonly remoteAddress?: string | undefined; readonly [CLIENT_TLS]?: ClientTls }
}

/** The connection to a node that has answered 101 and no longer speaks HTTP. Its holder destroys the socket. */
export interface TunnelEnd {
  /** Emits everything but data. */
  readonly socket: Socket
  /** Starts to read. Calls `onBytes` with all that comes behind the 101, in buffers that are the callee's to keep. */
  read(onBytes: (bytes: Buffer) => void): void
}

/** Receives what a node says before the head of its answer. */
export interface InterimReceiver {
  /**
   * Passes an interim answer on: any 1xx but 100, which belongs to the request's body, and 101. Does nothing after the
   * head was sent, for a client whose protocol has no interim answers, and for one that leaves too much unread.
   *
   * @param headers flat, without hop-by-hop fields
   */
  writeInterim(status: number, headers: readonly string[]): void
}

/**
 * Receives the answer to one request. For HTTP/1 it is Node's ServerResponse with a few more methods, so writing to it
 * costs nothing extra. A listener of another protocol implements it.
 */
export interface ClientResponse extends InterimReceiver {
  /** Whether the client has left, or the answer was aborted. */
  readonly destroyed: boolean
  readonly headersSent: boolean
  /** The status of the head that was sent. */
  readonly statusCode: number
  /** Whether the whole answer was handed to the operating system. */
  readonly writableFinished: boolean
  /** Whether an answer whose head declares no length can end with trailers. */
  readonly takesTrailers: boolean
  /**
   * Whether `write` has copied a Buffer before it returns. If so, it may be given a view of a buffer that is used again
   * afterwards; if not, the caller makes a copy first.
   */
  readonly copiesChunks: boolean
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
  /** Ends the answer with trailer fields, flat; without them if it cannot have any. */
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
  /** Sends the head of a 101, and then passes bytes both ways. Only the response to a WebSocket handshake has it. */
  tunnel?(node: TunnelEnd): void
  on(event: 'close' | 'drain', listener: () => void): unknown
  once(event: 'close' | 'drain', listener: () => void): unknown
}
