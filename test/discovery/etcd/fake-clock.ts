import type { Clock } from '../../../discovery/etcd/clock.ts'

interface Timer {
  readonly at: number
  readonly run: () => void
}

/** A clock that stands still until the test moves it. */
export class FakeClock implements Clock {
  #now = 0
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#now + delayMs, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Timers not yet run or canceled. */
  get pending(): number {
    return this.#timers.size
  }

  /** Lets time pass, running each timer at its moment, and everything that follows from it before the next. */
  async advance(byMs: number): Promise<void> {
    const until = this.#now + byMs
    await settle()
    for (;;) {
      const [next] = [...this.#timers].filter(timer => timer.at <= until).sort((a, b) => a.at - b.at)
      if (!next) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.run()
      await settle()
    }
    this.#now = until
    await settle()
  }
}

/** Resolves when no promise has anything left to do that was due before. */
export function settle(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
