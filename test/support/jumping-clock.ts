import type { Clock } from '../../discovery/etcd/clock.ts'

/** A clock that can jump, as after a pause of its process. */
export class JumpingClock implements Clock {
  #jumpedMs = 0
  readonly #timers = new Map<object, { readonly at: number; readonly run: () => void }>()

  now(): number {
    return performance.now() + this.#jumpedMs
  }

  after(delayMs: number, run: () => void): () => void {
    const id = {}
    const timer = setTimeout(() => this.#run(id), Math.max(0, delayMs))
    this.#timers.set(id, { at: this.now() + delayMs, run })
    return () => {
      clearTimeout(timer)
      this.#timers.delete(id)
    }
  }

  jump(byMs: number): void {
    this.#jumpedMs += byMs
    for (const [id, { at }] of this.#timers) if (at <= this.now()) setImmediate(() => this.#run(id))
  }

  #run(id: object): void {
    const timer = this.#timers.get(id)
    this.#timers.delete(id)
    timer?.run()
  }
}
