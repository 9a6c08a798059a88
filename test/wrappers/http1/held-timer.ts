import type { TestContext } from 'node:test'

/** A timer that fires when the test says so. node:test's own do not start anew when they are refreshed. */
export class HeldTimer {
  readonly #callback: () => void
  /** How often it was started, the first time included. */
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

/** @returns the timers of exactly this time, as they are set until the end of the test */
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
