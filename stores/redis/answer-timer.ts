import { StoreUnavailable } from '../../internal/limits/counters.ts'

interface Waiting {
  readonly until: number
  readonly giveUp: (error: StoreUnavailable) => void
}

/**
 * Bounds how long answers of the store are waited for. All wait equally long, so the first that began is the first whose
 * time is up, and one timer serves all.
 *
 * What has arrived in time counts, even if this process was too busy to look: when the timer fires, sockets are read before
 * the verdict. Otherwise a pause of the process would look like a failure of the store.
 */
export class AnswerTimer {
  readonly #timeoutMs: number
  /** In the order in which their time is up. */
  readonly #waiting = new Set<Waiting>()
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Settles as `answer` does. @throws StoreUnavailable when that takes longer than the timeout; a promise rejects with it */
  within<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = { until: performance.now() + this.#timeoutMs, giveUp: reject }
      this.#waiting.add(waiting)
      this.#timer ??= this.#timerUntil(waiting.until)
      answer.then(
        value => {
          this.#waiting.delete(waiting)
          resolve(value)
        },
        error => {
          this.#waiting.delete(waiting)
          reject(error)
        },
      )
    })
  }

  #timerUntil(until: number): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#judge()), Math.max(0, until - performance.now())).unref()
  }

  #judge(): void {
    const now = performance.now()
    this.#timer = undefined
    for (const waiting of this.#waiting) {
      if (waiting.until > now) {
        this.#timer = this.#timerUntil(waiting.until)
        return
      }
      this.#waiting.delete(waiting)
      waiting.giveUp(new AnswerTimeout(this.#timeoutMs))
    }
  }
}

/** The store has not answered in time. It may have counted the request all the same. */
export class AnswerTimeout extends StoreUnavailable {
  constructor(timeoutMs: number) {
    super(`the limit store has not answered within ${timeoutMs} ms`, { mayHaveCounted: true })
  }
}
