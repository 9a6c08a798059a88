import { ERROR, Http2Error } from './frames.ts'

/** What waits to be sent on a stream: a piece of a body, or the lines of a head or of trailers. */
export type WaitingItem = Buffer | readonly string[]

/**
 * Who ended a stream before its time: the other side with RST_STREAM (`peer`) or with GOAWAY (`goaway`: it has not acted
 * on the stream), the end of the connection (`closed`), or we, because the other side broke the protocol (`us`).
 */
export type ResetBy = 'peer' | 'goaway' | 'closed' | 'us'

/** What a stream asks of its connection. */
export interface StreamConnection {
  sendHead(stream: Http2Stream, lines: readonly string[], isEnd: boolean): void
  sendData(stream: Http2Stream, chunk: Buffer | string, isEnd: boolean): boolean
  resetStream(stream: Http2Stream, code: number): void
  consume(stream: Http2Stream, bytes: number): void
}

/**
 * One exchange of an HTTP/2 connection, as the server or as the client of it. Subclasses say what happens with what is
 * received, and send. Nothing is received any more once `isOver` is set.
 *
 * The connection calls the methods that begin with `on`. A method that receives fields may throw an `Http2Error` with
 * the id of the stream, such as those of field-rules.ts: the stream is then reset with its code, and `onReset` follows.
 */
export abstract class Http2Stream {
  // One flat object per stream, whose fields below are kept by the connection. Subclasses only read them.

  /** 0 until the connection has opened the stream. */
  id = 0
  connection: StreamConnection | undefined = undefined
  /** Whether both sides have ended the stream, or it was reset. */
  isOver = false
  /** Whether the other side has ended the stream. */
  isReceived = false
  /** Whether our END_STREAM was written. It is still false while something waits. */
  isSent = false
  /** Whether the head of the request (server), or the final head of the answer (client), was received. */
  hasReceivedHead = false
  /** Interim answers that were received. */
  interimHeads = 0
  /** Whether `sendHead` was called with something else than an interim answer. */
  hasSentHead = false
  /** Bytes of DATA that the other side allows. Negative after it has lowered its initial window. */
  sendWindow = 0
  /** What waits for a window or for the socket; undefined until something does. */
  waiting: WaitingItem[] | undefined = undefined
  /** Bytes of `waiting[0]` that were sent. */
  waitingOffset = 0
  /** Whether the last item of `waiting` ends the stream. */
  endsAfterWaiting = false
  /** Bytes of bodies in `waiting`. */
  queuedBytes = 0
  /** Bytes of bodies that were sent. What was dropped is not among them. */
  sentBytes = 0
  /** Bytes of DATA that the other side may still send. */
  receiveWindow = 0
  /** The size of the window that is restored when bytes are consumed. */
  receiveTarget = 0
  /** Bytes that were delivered and not consumed. */
  heldBytes = 0
  /** Bytes that were consumed, and that the other side has not been told of. */
  receiveCredit = 0
  /** Bytes of the body that are missing to the length that was announced; -1: none was. */
  missingBytes = -1

  /**
   * Receives the head of the request, or interim heads and then the final head of the answer.
   *
   * @param lines name, value, name, value ... as sent, pseudo-header fields included, latin1
   * @param isEnd whether there is neither a body nor trailers
   */
  abstract onHead(lines: string[], isEnd: boolean): void
  /**
   * Is called instead of `onHead` when the fields exceed the limits. Trailers that exceed them reset the stream instead.
   *
   * @param contentType what the fields have as `content-type`
   */
  abstract onHeadTooLarge(contentType: string | undefined): void
  /**
   * Receives a piece of the body, whose length was checked against `expectBytes` before the last piece is passed on. The
   * bytes are valid during the call only, and may be none when `isEnd` is set. They must be given back with `consume`.
   */
  abstract onData(bytes: Buffer, start: number, end: number, isEnd: boolean): void
  /** Receives trailers, which end the stream. */
  abstract onTrailers(lines: string[]): void
  /**
   * The stream was ended before its time. Is called at most once, nothing comes after it, and it does not follow on
   * `reset()`.
   *
   * @param code of RST_STREAM; REFUSED_STREAM for `goaway`; -1 for `closed`
   * @param reason for our log, if `by` is `us`: the rule that was broken
   */
  abstract onReset(code: number, by: ResetBy, reason: string): void
  /** All that waited was passed on, also when that ended the stream. `sendData` may be called again. */
  abstract onDrain(): void

  /**
   * States how long the body must be, from `content-length`. To be called from `onHead`. A body of another length is
   * reset with PROTOCOL_ERROR before its last piece is passed on.
   *
   * @param bytes 0 for an answer that can have no body, whatever its `content-length`; -1: the length is unknown
   * @throws Http2Error PROTOCOL_ERROR if the body is over already (RFC 9113, section 8.1.1)
   */
  expectBytes(bytes: number): void {
    if (bytes > 0 && this.isReceived) {
      throw new Http2Error(ERROR.protocolError, 'a body is shorter than its content-length', this.id)
    }
    this.missingBytes = bytes
  }

  /** Counts bytes of the body. Returns false if they, or the end, contradict `expectBytes`. Called by the connection. */
  takeExpected(bytes: number, isEnd: boolean): boolean {
    if (this.missingBytes < 0) return true
    if (bytes > this.missingBytes || (isEnd && bytes < this.missingBytes)) return false
    this.missingBytes -= bytes
    return true
  }

  /**
   * Sends the head of an answer: interim ones and then the final one. (The head of a request is sent by
   * `Http2Connection.open`.)
   *
   * @param lines pseudo-header fields first. They are kept while they wait
   * @throws TypeError if a name or a value is not allowed in HTTP; nothing was sent then. If the head has to wait, the stream
   *   is reset instead, with INTERNAL_ERROR
   */
  sendHead(lines: readonly string[], isEnd: boolean): void {
    if (!isInterim(lines)) this.hasSentHead = true
    this.connection?.sendHead(this, lines, isEnd)
  }

  /**
   * Sends a piece of the body. What cannot be sent yet is copied.
   *
   * @param chunk text is latin1
   * @returns false when something waits: stop until `onDrain`, or memory grows
   */
  sendData(chunk: Buffer | string, isEnd: boolean): boolean {
    return this.connection === undefined || this.connection.sendData(this, chunk, isEnd)
  }

  /** Sends trailers, which end the stream. They are kept while they wait. Throws as `sendHead` does. */
  sendTrailers(lines: readonly string[]): void {
    this.connection?.sendHead(this, lines, true)
  }

  /**
   * Ends the stream now with RST_STREAM, and drops what waits. What was received and not consumed counts as consumed. On
   * a stream that is over, only the latter happens.
   */
  reset(code: number): void {
    this.connection?.resetStream(this, code)
  }

  /**
   * Gives the other side its window back, of the stream and of the connection. Is called when bytes were taken by whom
   * they are for, also after the stream is over: bytes that are never consumed narrow the connection for good.
   */
  consume(bytes: number): void {
    this.connection?.consume(this, bytes)
  }
}

/** Whether lines are the head of an interim answer, a status of 1xx (RFC 9110, section 15.2). */
export function isInterim(lines: readonly string[]): boolean {
  return lines[0] === ':status' && lines[1]!.length === 3 && lines[1]!.charCodeAt(0) === 0x31
}
