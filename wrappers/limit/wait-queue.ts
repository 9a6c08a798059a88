import type { Call } from '../../internal/call.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'

export interface WaitQueueOptions {
  /** Returns the error for a call that waited too long, for the queue or for its route. */
  readonly refuse: () => Error
  /** Milliseconds on the monotonic clock. */
  readonly now?: () => number
}

/**
 * Calls that wait for a slot, first come, first served. The queue itself has no limit; its user checks `length`.
 *
 * Serving the newest call first ("adaptive LIFO") would favour clients that have not yet given up. Waits here are too
 * short for clients to give up. Bounding each wait at the target delay of CoDel (Nichols and Jacobson, ACM Queue 2012)
 * has the effect that CoDel would have.
 *
 * The timer runs only while calls wait, and does not keep the process alive.
 */
export class WaitQueue {
  readonly #refuse: () => Error
  readonly #now: () => number
  readonly #waiters = new Set<Waiter>()
  #timer: NodeJS.Timeout | undefined = undefined

  constructor({ refuse, now = () => performance.now() }: WaitQueueOptions) {
    this.#refuse = refuse
    this.#now = now
  }

  get length(): number {
    return this.#waiters.size
  }

  /**
   * Resolves when `call` is given a slot. A call that is ended meanwhile leaves the queue.
   *
   * @throws the error that `refuse` returns, after `maxMs` or when the call's own deadline has passed
   * @throws UpstreamFailure of kind `aborted` when the client has left
   */
  wait(call: Call, maxMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        call,
        until: this.#now() + maxMs,
        resolve,
        reject,
        cancel: reason => this.#leave(waiter, reason),
      }
      call.current = waiter
      this.#waiters.add(waiter)
      this.#timer ??= setTimeout(() => this.#expire(), maxMs).unref()
    })
  }

  /**
   * Gives a slot to the call that has waited longest.
   *
   * @returns false when no call waits
   */
  admit(): boolean {
    for (const waiter of this.#waiters) {
      this.#remove(waiter)
      waiter.resolve()
      return true
    }
    return false
  }

  /** Lets the calls that wait wait for at most `maxMs` more. Must be called before others wait for less than they do. */
  shorten(maxMs: number): void {
    if (this.#waiters.size === 0) return
    const latest = this.#now() + maxMs
    for (const waiter of this.#waiters) waiter.until = Math.min(waiter.until, latest)
    clearTimeout(this.#timer)
    this.#expire()
  }

  #leave(waiter: Waiter, reason: UpstreamFailure): void {
    this.#remove(waiter)
    waiter.reject(reason.kind === 'aborted' ? reason : this.#refuse())
  }

  #remove(waiter: Waiter): void {
    this.#waiters.delete(waiter)
    waiter.call.current = undefined
    if (this.#waiters.size > 0) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Refuses calls that have waited too long. They are queued in the order in which their time ends. */
  #expire(): void {
    this.#timer = undefined
    const now = this.#now()
    for (const waiter of this.#waiters) {
      if (waiter.until > now) {
        this.#timer = setTimeout(() => this.#expire(), waiter.until - now).unref()
        return
      }
      this.#remove(waiter)
      waiter.reject(this.#refuse())
    }
  }
}

interface Waiter {
  readonly call: Call
  until: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  cancel(reason: UpstreamFailure): void
}
