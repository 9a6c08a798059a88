import { ERROR } from '../../internal/http2/frames.ts'
import { MAX_STREAM_ID } from '../../internal/http2/stream-table.ts'
import { type BucketLimit, TokenBucket } from '../../internal/http2/token-bucket.ts'
import { noConnection, UpstreamFailure } from '../../internal/upstream-failure.ts'
import { SessionWire, type SessionWireOptions, type WireOwner } from './session-wire.ts'
import type { CallSession, PooledCall, TryStream } from './try-stream.ts'

export interface NodeSessionOptions extends SessionWireOptions {
  /** The most streams at the same time; fewer if the node allows fewer. */
  readonly streamsPerSession: number
  /** How often calls may be cancelled on one session. */
  readonly cancels: BucketLimit
  /** Called with each GOAWAY of the node. */
  readonly onGoaway: () => void
}

/**
 * Why a session takes no further calls.
 * - `goaway`: the node said so.
 * - `cancels`: its budget of cancellations is used up.
 * - `ids`: its stream ids are used up.
 * - `address`: the node's name no longer has its address.
 * - `age`: the node has a name, and the connection has reached its longest age.
 * - `flood`: the node made us reset too many streams, or sent too many heads that are too large.
 */
export type RetiredReason = 'goaway' | 'cancels' | 'ids' | 'address' | 'age' | 'flood'

/** What a session reports to. */
export interface SessionOwner {
  /** The connection is established. */
  onOpen(): void
  /** The node has said how many streams it allows on a session. */
  onLimit(streams: number): void
  /** The session may have room for another call. */
  onRoom(): void
  /** No call is left that somebody waits for. */
  onIdle(session: NodeSession): void
  /** Is called once, when the session takes no further calls. */
  onRetired(session: NodeSession, reason: RetiredReason): void
  /** The connection is over, or was not established. Its calls are told next. */
  onOver(session: NodeSession): void
  /** Is called last, when the socket is closed. */
  onClosed(session: NodeSession): void
}

/** A node is asked for a sign of life at most this often on one session. */
const DOUBT_PERIOD_MS = 30_000
/** How long it has for it. */
const SIGN_OF_LIFE_MS = 2_000

/**
 * One HTTP/2 connection to a node, which carries many calls at the same time. Whatever ends the connection fails all of
 * them, so nothing that one client does may end it.
 */
export class NodeSession implements CallSession, WireOwner {
  readonly #options: NodeSessionOptions
  readonly #owner: SessionOwner
  readonly #expectedLimit: number
  readonly #wire: SessionWire
  readonly #cancels: TokenBucket
  /** Calls that wait for the connection. */
  readonly #queue = new Set<PooledCall>()
  /** Streams that belong to a call. Others may be open, whose call was given up without telling the node. */
  readonly #streams = new Set<TryStream>()
  #isRetired = false
  #lifeTimer: NodeJS.Timeout | undefined = undefined
  #doubtedAt = Number.NEGATIVE_INFINITY
  #carried = 0
  /** When the session is too old for further calls, on the monotonic clock. */
  readonly usableUntil: number
  /** When the last call ended, milliseconds on the monotonic clock. */
  idleSince = 0

  /**
   * Begins to connect.
   *
   * @param expectedLimit the streams that the node probably allows; they are used until it has said how many it does
   * @param usableUntil when it is too old for further calls, on the monotonic clock
   */
  constructor(options: NodeSessionOptions, owner: SessionOwner, expectedLimit: number, usableUntil: number) {
    this.usableUntil = usableUntil
    this.#options = options
    this.#owner = owner
    this.#expectedLimit = expectedLimit
    this.#cancels = new TokenBucket(options.cancels, performance.now())
    this.#wire = new SessionWire(options, this)
  }

  get isOpen(): boolean {
    return this.#wire.isOpen
  }

  /** Why the session is over; undefined while it is not. */
  get failure(): UpstreamFailure | undefined {
    return this.#wire.failure
  }

  /** The IP address of the node; undefined while there is no connection to it. */
  get address(): string | undefined {
    return this.#wire.address
  }

  /** Whether the connection had been established. */
  get wasOpen(): boolean {
    return this.#wire.connection !== undefined
  }

  /** The most streams that there may be at the same time. */
  get limit(): number {
    const { connection } = this.#wire
    const allowed = connection?.settingsReceived ? connection.peerMaxConcurrentStreams : this.#expectedLimit
    return Math.min(allowed, this.#options.streamsPerSession)
  }

  /** Calls that somebody waits for. */
  get calls(): number {
    return this.#streams.size + this.#queue.size
  }

  get isIdle(): boolean {
    return this.isOpen && this.calls === 0
  }

  /** Whether another call may be handed to `take`. */
  get hasRoom(): boolean {
    const { connection, isWritable, failure } = this.#wire
    if (this.#isRetired || failure !== undefined) return false
    if (connection === undefined) return this.#queue.size < this.limit
    // Clients that read too slowly must not leave the others without a window.
    if (connection.heldBytes * 2 >= this.#options.connectionWindowBytes) return false
    return isWritable && connection.canOpen && connection.streamCount < this.limit
  }

  get reads(): number {
    return this.#wire.reads
  }

  /** Hands the session to the call once it is open. */
  take(call: PooledCall): void {
    if (this.isOpen) call.onSession(this)
    else this.#queue.add(call)
  }

  /** Removes a call that waits for the connection. */
  forget(call: PooledCall): void {
    if (this.#queue.delete(call)) this.#owner.onRoom()
  }

  open(stream: TryStream, lines: readonly string[], isEnd: boolean): void {
    this.#streams.add(stream)
    this.#wire.connection!.open(stream, lines, isEnd)
    if (stream.id >= MAX_STREAM_ID) this.retire('ids')
  }

  touch(stream: TryStream): void {
    this.#wire.touch(stream)
  }

  gaveBack(): void {
    this.#owner.onRoom()
  }

  answered(): void {
    this.#carried++
  }

  /**
   * Takes a stream from its call, which needs no more of it. If the stream is not over, the node is told so while the
   * budget lasts. Beyond it the session is retired, and what the node still sends on the stream is dropped: servers take
   * many cancellations for an attack and end the connection, with the calls of everybody else.
   */
  leave(stream: TryStream): void {
    stream.call = undefined
    this.#streams.delete(stream)
    if (!stream.isOver && this.isOpen) {
      if (this.#cancels.take(performance.now())) stream.reset(ERROR.cancel)
      else {
        // What its client had not taken would be missing in the window of all others.
        stream.consume(stream.heldBytes)
        this.retire('cancels')
      }
    }
    this.#owner.onRoom()
    if (this.isIdle) this.#nowIdle()
  }

  lossOf(stream: TryStream): UpstreamFailure {
    const { kind, cause } = this.#wire.failure!
    if (!this.#wire.connection!.hasWritten(stream)) return new UpstreamFailure('refused', cause)
    if (kind === 'hung' && !stream.hasReceivedHead) return new UpstreamFailure('timeout', cause)
    const isStale = kind === 'reset' && this.#carried > 0 && stream.openedAtRead === this.reads
    return new UpstreamFailure(kind, cause, isStale)
  }

  /**
   * Asks the node for a sign of life, because it did not answer a call in time. Without one, the session ends, and its
   * calls count as not answered in time. Otherwise a hung node whose clients have short deadlines would never be ejected,
   * since those deadlines say nothing about it.
   */
  doubt(): void {
    const now = performance.now()
    if (!this.isOpen || now - this.#doubtedAt < DOUBT_PERIOD_MS) return
    this.#doubtedAt = now
    const { reads } = this
    const judge = () => {
      if (this.reads === reads)
        this.destroy(new UpstreamFailure('hung', new Error('the node did not answer a PING within 2 s')))
    }
    this.#wire.connection!.ping()
    // What came while the process was busy is read before the node is judged.
    this.#lifeTimer = setTimeout(() => setImmediate(judge), SIGN_OF_LIFE_MS).unref()
  }

  /** Takes no further calls. The present ones finish. */
  retire(reason: RetiredReason): void {
    if (this.#isRetired) return
    this.#isRetired = true
    this.#owner.onRetired(this, reason)
    if (this.isIdle) this.#nowIdle()
  }

  /** Notifies every call that waits for the head of its answer that the node hangs. */
  notifyHung(): void {
    for (const call of [...this.#queue]) call.onHung()
    for (const stream of [...this.#streams]) if (!stream.hasReceivedHead) stream.call?.onHung()
  }

  /** Says goodbye and closes the connection. Calls that are left fail. */
  end(): void {
    this.#wire.end()
  }

  /** Fails all calls and closes the connection. */
  destroy(failure?: UpstreamFailure): void {
    this.#wire.destroy(failure)
  }

  onOpen(): void {
    this.idleSince = performance.now()
    this.#owner.onOpen()
    for (const call of this.#queue) {
      this.#queue.delete(call)
      call.onSession(this)
    }
    if (this.isIdle) this.#nowIdle()
  }

  onSettings(): void {
    this.#owner.onLimit(this.limit)
    this.#owner.onRoom()
  }

  onGoaway(): void {
    this.#options.onGoaway()
    this.retire('goaway')
  }

  onFlood(): void {
    this.retire('flood')
  }

  onOver({ cause }: UpstreamFailure): void {
    clearTimeout(this.#lifeTimer)
    this.#owner.onOver(this)
    for (const call of this.#queue) {
      this.#queue.delete(call)
      call.onFailure(noConnection(cause))
    }
  }

  onClosed(): void {
    this.#owner.onClosed(this)
  }

  #nowIdle(): void {
    this.idleSince = performance.now()
    this.#owner.onIdle(this)
  }
}
