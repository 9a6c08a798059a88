import { setTimeout as delay } from 'node:timers/promises'

export interface UntilOptions {
  /** Default 15,000: generous, because a busy machine must not fail the test. */
  readonly withinMs?: number
  /** Pause between two calls. Default 20. */
  readonly everyMs?: number
}

/**
 * Calls `look` repeatedly until it returns something other than false, null or undefined, and resolves with that. If
 * `look` throws, it is called again.
 *
 * @param fact for the error message: "no such fact in time: ..."
 * @throws Error when time is up; its cause is the last error of `look`
 */
export async function until<T>(
  fact: string,
  look: () => T | Promise<T>,
  { withinMs = 15_000, everyMs = 20 }: UntilOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    let cause: unknown
    try {
      const found = await look()
      if (found !== false && found !== null && found !== undefined) {
        return found as NonNullable<Exclude<T, false>>
      }
    } catch (error) {
      cause = error
    }
    if (performance.now() > deadline)
      throw new Error(
        `not within ${withinMs} ms: ${fact}${cause instanceof Error ? `; last: ${cause.message}` : ''}`,
        { cause },
      )
    await delay(everyMs)
  }
}

/**
 * Resolves with the value of `read` once it has not changed for half a second: when all buffers on a way are full, nothing
 * but time shows it.
 */
export async function untilSteady(read: () => number): Promise<number> {
  let before = -1
  for (let still = 0; still < 10; ) {
    const now = read()
    still = now === before ? still + 1 : 0
    before = now
    await delay(50)
  }
  return before
}
