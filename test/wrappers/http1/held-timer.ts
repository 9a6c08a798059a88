import type { TestContext } from 'node:test'

/** A timer that fires when the test says so. The mock timers of node:test do not restart when they are refreshed. */
export class HeldTimer {
  readonly #callback: () => void
  /** How often the timer was started, including the first time. */
  starts = 1

  constructor(callback: () => void) {
    this.#callback = callback
  }

  refresh(): this {
    this.starts++
    return this
  }

  unref(): this {
    return this
  }

  fire(): void {
    this.#callback()
  }
}

/**
 * Replaces timers of exactly this time until the end of the test.
 *
 * @returns the replaced timers, in the order in which they are set
 */
export function holdTimers(t: TestContext, heldMs: number): readonly HeldTimer[] {
  const held: HeldTimer[] = []
  const { setTimeout } = globalThis
  t.mock.method(globalThis, 'setTimeout', (callback: () => void, ms: number) => {
    if (ms !== heldMs) return setTimeout(callback, ms)
    const timer = new HeldTimer(callback)
    held.push(timer)
    return timer
  })
  return held
}
