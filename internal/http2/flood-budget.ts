import { ERROR, Http2Error } from './frames.ts'
import { type BucketLimit, TokenBucket } from './token-bucket.ts'

/** How often the other side of a connection may do something. */
export interface FloodLimit extends BucketLimit {
  /**
   * Our role in which the streams under way may finish once the limit is exceeded. Otherwise the connection ends at once.
   * On a connection to a node, what one client asks for must not end the calls of others.
   */
  readonly mayFinish?: 'client' | 'server'
}

/**
 * What is cheap to send and costly to serve, by its name in metrics. A connection that exceeds a limit gets GOAWAY with
 * ENHANCE_YOUR_CALM. The limits hold in both roles, because a node may be hostile, too.
 */
export const FLOOD_LIMITS = {
  /** RST_STREAM of the client for requests whose answer had not begun: rapid reset, CVE-2023-44487. */
  'early-resets': { burst: 1_000, perSecond: 200, mayFinish: 'server' },
  /** RST_STREAM that errors of the other side make us send: MadeYouReset, CVE-2025-8671. */
  'caused-resets': { burst: 100, perSecond: 10, mayFinish: 'client' },
  /** Requests beyond the number of concurrent streams. */
  'refused-streams': { burst: 100, perSecond: 10 },
  /** Heads and trailers that exceed the limits once they are decoded. */
  'large-heads': { burst: 20, perSecond: 1, mayFinish: 'client' },
  /**
   * SETTINGS, PING, PRIORITY, GOAWAY, unknown frames, DATA without bytes, and frames for streams that are over.
   * gRPC libraries measure the bandwidth with a PING for each round trip in which they receive something, so frames that
   * we send earn more of them.
   */
  'control-frames': { burst: 1_000, perSecond: 100, perFrameSent: 1 },
  /** WINDOW_UPDATE. Some clients send two for each DATA frame, all at once when they have read a large window. */
  'window-updates': { burst: 1_000, perSecond: 0, perFrameSent: 10, most: 100_000 },
} as const satisfies Readonly<Record<string, FloodLimit>>

export type Flood = keyof typeof FLOOD_LIMITS
export type FloodLimits = Readonly<Partial<Record<Flood, FloodLimit>>>

/**
 * Why a connection was ended: a flood, a header block that is too large or in too many pieces (`header-block`), answers to
 * frames that are not read (`unread-frames`), or another breach of the protocol (`peer`).
 */
export type FatalReason = Flood | 'header-block' | 'unread-frames' | 'peer'

/** The other side does more of something than an honest peer. The connection is over. */
export class FloodError extends Http2Error {
  readonly reason: FatalReason

  constructor(reason: FatalReason) {
    super(ERROR.enhanceYourCalm, `too much of: ${reason}`)
    this.reason = reason
  }
}

export interface FloodBudgetOptions {
  /** Our role. */
  readonly role: 'client' | 'server'
  /** Limits that replace those of the table. */
  readonly budgets?: FloodLimits
  /** A clock in milliseconds that never goes back. */
  readonly now: () => number
}

/** Counts what the other side of a connection may still do. */
export class FloodBudget {
  readonly #options: FloodBudgetOptions
  readonly #sent: { readonly framesSent: number }
  readonly #retire: (reason: Flood) => void
  readonly #buckets = new Map<Flood, TokenBucket>()

  /**
   * @param sent has the number of HEADERS and DATA frames that we have sent
   * @param retire refuses what is new, and lets the streams under way finish
   */
  constructor(
    options: FloodBudgetOptions,
    sent: { readonly framesSent: number },
    retire: (reason: Flood) => void,
  ) {
    this.#options = options
    this.#sent = sent
    this.#retire = retire
  }

  /**
   * Counts one more. Calls `retire` when the limit is exceeded and the streams under way may finish.
   *
   * @throws FloodError when the limit is exceeded otherwise
   */
  spend(flood: Flood): void {
    const { role, budgets, now } = this.#options
    const nowMs = now()
    let bucket = this.#buckets.get(flood)
    if (bucket === undefined) {
      bucket = new TokenBucket({ ...FLOOD_LIMITS[flood], ...budgets?.[flood] }, nowMs)
      this.#buckets.set(flood, bucket)
    }
    if (bucket.take(nowMs, this.#sent.framesSent)) return
    const { mayFinish }: FloodLimit = FLOOD_LIMITS[flood]
    if (mayFinish !== role) throw new FloodError(flood)
    this.#retire(flood)
  }
}
