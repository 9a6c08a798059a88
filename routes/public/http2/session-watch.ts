import type { SlowClientLimits, SlowReason } from '../../../middleware/connection/connection-watch.ts'
import { paceLimits } from '../../../middleware/connection/connection-watch.ts'
import { Pace, type PaceLimit } from '../../../middleware/connection/pace.ts'
import type { ClientStream } from './client-stream.ts'
import { Still, StreamWatch } from './stream-watch.ts'

export interface SessionLimits extends SlowClientLimits {
  /** How long a client may take for a head of a request, and for its first SETTINGS. */
  readonly headersTimeoutMs: number
}

/** What the rules ask of a session. */
export interface WatchedSession {
  readonly streams: Iterable<ClientStream>
  /** Whether a request head, or the first SETTINGS, has begun to arrive and is not whole. */
  readonly isInHead: boolean
  /** Requests so far. */
  readonly requests: number
  /** Bytes of answers that were written to the socket so far, on all streams. */
  readonly sentBytes: number
  /** Bytes in the socket that the system has not taken. */
  readonly unsentBytes: number
  /** Whether the client may send more of bodies on the connection. */
  readonly maySendBodies: boolean
}

/**
 * The rules for clients that leave the gateway waiting. A stream whose own client is the cause is cancelled, and the others
 * go on: one that sends nothing of its body, and one that opens no window for its answer. Where all streams wait for the
 * connection, it is the connection that must take bytes, and it is ended if it does not.
 */
export class SessionWatch {
  readonly #limits: SessionLimits
  readonly #pace: { readonly sending: PaceLimit; readonly reading: PaceLimit }
  readonly #head = new Still()
  readonly #taken = new Still()
  readonly #reading = new Pace()

  constructor(limits: SessionLimits) {
    this.#limits = limits
    this.#pace = paceLimits(limits)
  }

  /**
   * Looks at a session.
   *
   * @param cancel ends a stream
   * @returns why the whole connection must be ended; undefined when it may stay
   */
  check(
    session: WatchedSession,
    now: number,
    cancel: (stream: ClientStream, reason: SlowReason) => void,
  ): SlowReason | undefined {
    const { headersTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond } = this.#limits
    if (this.#head.msAt(now, session.requests, session.isInHead) >= headersTimeoutMs) return 'head-late'
    let isHeldUp = session.unsentBytes > 0
    let isUnhurried = false
    for (const stream of session.streams) {
      if (stream.queuedBytes > 0 && stream.sendWindow > 0) isHeldUp = true
      isUnhurried ||= stream.isUnhurried
      const reason = this.#findSlow(stream, session.maySendBodies, now)
      if (reason !== undefined) cancel(stream, reason)
    }
    const taken = session.sentBytes - session.unsentBytes
    const msUntaken = this.#taken.msAt(now, taken, isHeldUp)
    if (sendIdleTimeoutMs > 0 && msUntaken >= sendIdleTimeoutMs) return 'send-idle'
    if (minBytesPerSecond === 0) return undefined
    const isSlow = this.#reading.isTooSlow(taken, isHeldUp, now, this.#pace.reading)
    return isSlow && !isUnhurried ? 'send-slow' : undefined
  }

  /** Returns why a stream must be cancelled; undefined when it may go on. */
  #findSlow(stream: ClientStream, maySendBodies: boolean, now: number): SlowReason | undefined {
    const { incoming } = stream
    const isAwaited = maySendBodies && incoming?.isAwaited === true
    const takesNothing = stream.queuedBytes > 0 && stream.sendWindow <= 0
    const known = stream.watch
    if (known === undefined && !isAwaited && !takesNothing) return undefined
    const watch = known ?? new StreamWatch()
    stream.watch = watch
    const { bodyIdleTimeoutMs, sendIdleTimeoutMs, minBytesPerSecond } = this.#limits
    const received = incoming?.receivedBytes ?? 0
    const msIdle = watch.received.msAt(now, received, isAwaited)
    if (bodyIdleTimeoutMs > 0 && msIdle >= bodyIdleTimeoutMs) return 'body-idle'
    const msUntaken = watch.sent.msAt(now, stream.sentBytes, takesNothing)
    if (sendIdleTimeoutMs > 0 && msUntaken >= sendIdleTimeoutMs) return 'send-idle'
    if (minBytesPerSecond === 0) return undefined
    const isSlowBody = watch.sending.isTooSlow(received, isAwaited, now, this.#pace.sending)
    const isSlowReader = watch.reading.isTooSlow(stream.sentBytes, takesNothing, now, this.#pace.reading)
    if ((!isSlowBody && !isSlowReader) || stream.isUnhurried) return undefined
    return isSlowBody ? 'body-slow' : 'send-slow'
  }
}
