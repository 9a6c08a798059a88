import { StoreUnavailable } from '../../internal/limits/counters.ts'

interface Waiting {
  readonly until: number
  isOver: boolean
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
  readonly #queue: Waiting[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Settles as `answer` does. @throws StoreUnavailable when that takes longer than the timeout; a promise rejects with it */
  within<T>(answer: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiting: Waiting = {
        until: performance.now() + this.#timeoutMs,
        isOver: false,
        giveUp: reject,
      }
      this.#queue.push(waiting)
      this.#timer ??= this.#timerFor(waiting)
      answer.then(
        value => {
          waiting.isOver = true
          resolve(value)
        },
        error => {
          waiting.isOver = true
          reject(error)
        },
      )
    })
  }

  #timerFor({ until }: Waiting): NodeJS.Timeout {
    return setTimeout(() => setImmediate(() => this.#judge()), until - performance.now())
  }

  #judge(): void {
    const now = performance.now()
    let next = 0
    for (; next < this.#queue.length; next++) {
      const waiting = this.#queue[next]!
      if (waiting.isOver) continue
      if (waiting.until > now) break
      waiting.isOver = true
      waiting.giveUp(new AnswerTimeout(this.#timeoutMs))
    }
    this.#queue.splice(0, next)
    const first = this.#queue[0]
    this.#timer = first && this.#timerFor(first)
  }
}

/** The store has not answered in time. It may have counted the request all the same. */
export class AnswerTimeout extends StoreUnavailable {
  constructor(timeoutMs: number) {
    super(`the limit store has not answered within ${timeoutMs} ms`)
  }
}
