import { ERROR, Http2Error } from '../../internal/http2/frames.ts'
import { Http2Stream, type ResetBy } from '../../internal/http2/http2-stream.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'

/** The most that a node may send on a stream that was given up without telling it. */
const MAX_DROPPED_BYTES = 1_048_576

/** A call that needs a session. */
export interface PooledCall {
  /** Hands the call an open session, on which it opens a stream at once. */
  onSession(session: CallSession): void
  /** Is called when there will be no session. */
  onFailure(failure: UpstreamFailure): void
  /** Is called when the node was found to hang. The call may give up. */
  onHung(): void
}

/** What a call asks of the session that it was handed. */
export interface CallSession {
  /** How often something was read. */
  readonly reads: number
  /** The IP address of the node; undefined while there is no connection to it. */
  readonly address: string | undefined
  /**
   * Opens a stream.
   *
   * @param lines pseudo-header fields first
   * @throws TypeError when a name or a value is not allowed in HTTP; nothing was sent then
   */
  open(stream: TryStream, lines: readonly string[], isEnd: boolean): void
  /** Takes a stream from its call, which needs no more of it. The stream need not be over. */
  leave(stream: TryStream): void
  /** Notes that a client has taken bytes of an answer that it had let wait. */
  gaveBack(): void
  /** Notes that an answer was whole. */
  answered(): void
  /** Returns why a stream ended with the session. */
  lossOf(stream: TryStream): UpstreamFailure
  /** Asks the node for a sign of life, because it did not answer a call in time. */
  doubt(): void
  /** Notes that a stream has received something. After the read, it is told. */
  touch(stream: TryStream): void
}

/** What a stream tells its call. The methods are those of `Http2Stream`. */
export interface StreamCall {
  onHead(lines: string[], isEnd: boolean): void
  onData(bytes: Buffer, start: number, end: number, isEnd: boolean): void
  onTrailers(lines: string[]): void
  onReset(code: number, by: ResetBy, reason: string): void
  onDrain(): void
  /** Is called when the node was found to hang. The call may give up. */
  onHung(): void
  /** Is called after a read that brought something. */
  afterRead(): void
}

/** The stream of one try. It outlives a call that was given up, until the node has ended it. */
export class TryStream extends Http2Stream {
  readonly session: CallSession
  /** Undefined once the call was given up. What the node still sends is then dropped. */
  call: StreamCall | undefined
  /** `reads` of the session when the stream was opened. */
  readonly openedAtRead: number
  #isTouched = false
  #dropped = 0

  constructor(session: CallSession, call: StreamCall) {
    super()
    this.session = session
    this.call = call
    this.openedAtRead = session.reads
  }

  override onHead(lines: string[], isEnd: boolean): void {
    this.#touch()
    this.call?.onHead(lines, isEnd)
  }

  override onHeadTooLarge(): void {
    throw new Http2Error(ERROR.cancel, 'the head of the answer is too large for upstream.answerHeadBytes')
  }

  override onData(bytes: Buffer, start: number, end: number, isEnd: boolean): void {
    const { call } = this
    if (call === undefined) {
      this.#drop(end - start)
      return
    }
    this.#touch()
    call.onData(bytes, start, end, isEnd)
  }

  override onTrailers(lines: string[]): void {
    this.#touch()
    this.call?.onTrailers(lines)
  }

  override onReset(code: number, by: ResetBy, reason: string): void {
    this.call?.onReset(code, by, reason)
  }

  override onDrain(): void {
    this.call?.onDrain()
  }

  /** Is called after a read in which the stream has received something. */
  afterRead(): void {
    this.#isTouched = false
    this.call?.afterRead()
  }

  #touch(): void {
    if (this.#isTouched) return
    this.#isTouched = true
    this.session.touch(this)
  }

  #drop(bytes: number): void {
    this.consume(bytes)
    this.#dropped += bytes
    if (this.#dropped > MAX_DROPPED_BYTES) this.reset(ERROR.cancel)
  }
}
