import type { Call } from '../../internal/call.ts'
import type { UpstreamFailure } from '../../internal/upstream-failure.ts'

export interface WaitQueueOptions {
  /** What a call is told whose wait was in vain: too long for the queue, or for its route. */
  readonly refuse: () => Error
  /** Milliseconds on the monotonic clock. */
  readonly now?: () => number
}

/**
 * Calls that wait for a place, first come, first served. How many may, is its user's affair.
 *
 * Not the newest first ("adaptive LIFO"), which serves those who have not yet given up: waits here are so short that
 * nobody gives up meanwhile, and a wait that may last no longer than the target of CoDel (Nichols and Jacobson, ACM
 * Queue 2012) is what that algorithm would bring about.
 *
 * Its timer runs only while somebody waits, and keeps no process alive.
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
   * Resolves when `call` has a place. One that is ended leaves the queue.
   *
   * @throws what `refuse` gives, after `maxMs` or when the call's own time is over
   * @throws UpstreamFailure of kind `aborted` when its client has left
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

  /** Gives a place to who has waited longest. @returns whether there was anybody */
  admit(): boolean {
    for (const waiter of this.#waiters) {
      this.#remove(waiter)
      waiter.resolve()
      return true
    }
    return false
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

  /** They stand in the order in which their time ends. */
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
  readonly until: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
  cancel(reason: UpstreamFailure): void
}
