import type { FatalReason, Flood, FloodBudgetOptions } from './flood-budget.ts'
import type { Http2Error } from './frames.ts'
import type { Http2Stream } from './http2-stream.ts'
import type { ReceiveWindowOptions } from './receive-window.ts'
import type { OwnSettings } from './settings.ts'

export interface Http2ConnectionOptions extends OwnSettings, ReceiveWindowOptions, FloodBudgetOptions {
  /** Our side of the connection. */
  readonly role: 'client' | 'server'
  /** How many streams the client may have open at once. Counts in the role of the server. */
  readonly maxConcurrentStreams: number
  /** The receive window that a stream begins with, at least 65,535. */
  readonly streamWindowBytes: number
  /** The receive window of the connection, at least 65,535. */
  readonly connectionWindowBytes: number
  /** The largest head or trailers that are received, each field counted with 32 bytes beyond its name and value. */
  readonly maxListBytes: number
  /** The most fields of a head or of trailers, pseudo-header fields included. */
  readonly maxFields: number
  /** Whether fields of that name, in lower case, may enter the table of our HpackEncoder. */
  readonly mayIndex: (lowerName: string) => boolean
  readonly events: Http2ConnectionEvents
}

/** What a connection tells its owner. */
export interface Http2ConnectionEvents {
  /**
   * Whether the socket still refers to bytes that `write` was given, now or earlier. The connection asks after each `write`.
   * If not, it overwrites all of them. Default: true.
   */
  readonly holdsWritten?: boolean
  /**
   * Receives bytes for the socket. They stay as they are for as long as `holdsWritten` is true. Is called once per flush, and
   * also before one for each 64 KiB of bodies, so possibly within `sendData`. Must not call the connection.
   *
   * @returns whether more may be written now; if not, `drained()` is to be called later
   */
  write(bytes: Buffer): boolean
  /** Asks for `connection.flush()` at the end of this turn. Is called by the constructor, too. */
  wantsFlush(connection: { flush(): void }): void
  /** Server: a request begins. Returns its stream, whose `onHead` or `onHeadTooLarge` is called next. */
  createStream?(id: number): Http2Stream
  /** The other side's settings are known, or have changed. */
  onSettings?(): void
  /**
   * The other side opens and accepts no more streams. Streams above the last id were told by `onReset` before. May be called
   * again with a lower id.
   *
   * @param text that the other side wrote for our log: untrusted, at most 256 characters, latin1
   */
  onGoaway?(lastStreamId: number, code: number, text: string): void
  /** A `ping()` was answered. */
  onPong?(): void
  /**
   * A budget is used up, and the streams under way may finish: GOAWAY was sent, and nothing new is accepted or opened. The
   * owner closes the connection once `streamCount` is 0.
   */
  onRetired?(reason: Flood): void
  /**
   * The connection is over: GOAWAY was handed to `write`. The owner ends the socket and calls `closed()`. `error` has the
   * code that was sent.
   */
  onFatal(error: Http2Error, reason: FatalReason): void
  /** A stream was opened or is over. */
  onStreamCount?(count: number): void
}
