import type { Clock } from './clock.ts'

export interface WatchdogTimings {
  /** How long the stream may be silent before the store is asked for a sign of life. */
  readonly silenceMs: number
  /** How long the store may take to give a sign of life. */
  readonly answerMs: number
  /** How long the stream may take to deliver a change that a read has shown. */
  readonly deliverMs: number
}

export interface WatchdogOptions {
  readonly clock: Clock
  readonly timings: WatchdogTimings
  /** Asks the stream for a message without events. */
  readonly requestProgress: () => void
  /**
   * Reads from the store whether the stream has delivered every change. Rejects when nobody answers. Must also look at what
   * else the read shows, such as another cluster.
   */
  readonly isComplete: () => Promise<boolean>
  /** Called once when the stream must be given up. */
  readonly onSilent: () => void
}

/**
 * Notices that a stream hangs. After a silence, the stream is asked for a sign of life. etcd answers that; its grpc-proxy
 * ignores the question, and a stream behind one would be given up again and again
 * (https://github.com/etcd-io/etcd/issues/19710).
 *
 * So until a stream has answered for the first time, a read is made beside the question. If only the read is answered, the
 * stream is not asked again, and reads take the place of its answers: such a stream is given up when a read shows a change
 * that the stream does not deliver. A stream that has answered once must go on answering, whatever reads show, because
 * they may be answered by another member than the one that hangs.
 */
export class StreamWatchdog {
  readonly #options: WatchdogOptions
  /** Whether the stream answers; undefined until that is known. */
  #answers: boolean | undefined
  #isAsked = false
  /** Counts the silences, so that a read that comes back after one is over changes nothing. */
  #silence = 0
  #cancel = () => {}

  constructor(options: WatchdogOptions) {
    this.#options = options
  }

  /** Must be called for each message of the stream. @param isEmpty whether it has no events, as an answer */
  heard(isEmpty: boolean): void {
    if (this.#isAsked && isEmpty) this.#answers = true
    this.#awaitMessage()
  }

  stop(): void {
    this.#silence++
    this.#cancel()
  }

  #awaitMessage(): void {
    this.#isAsked = false
    this.#silence++
    this.#after(this.#options.timings.silenceMs, () => this.#ask())
  }

  #ask(): void {
    const { requestProgress, timings } = this.#options
    let isReadComplete = false
    if (this.#answers !== false) {
      this.#isAsked = true
      requestProgress()
    }
    if (this.#answers !== true) {
      void this.#compare(() => {
        isReadComplete = true
        if (this.#answers === false) this.#awaitMessage()
      })
    }
    this.#after(timings.answerMs, () => {
      if (!isReadComplete) {
        this.#options.onSilent()
        return
      }
      this.#answers = false
      this.#awaitMessage()
    })
  }

  async #compare(onComplete: () => void): Promise<void> {
    const { isComplete, timings, onSilent } = this.#options
    const silence = this.#silence
    let complete: boolean
    try {
      complete = await isComplete()
    } catch {
      // The silence goes on, and ends by itself.
      return
    }
    if (silence !== this.#silence) return
    if (complete) onComplete()
    else this.#after(timings.deliverMs, onSilent)
  }

  #after(delayMs: number, run: () => void): void {
    this.#cancel()
    this.#cancel = this.#options.clock.after(delayMs, run)
  }
}
