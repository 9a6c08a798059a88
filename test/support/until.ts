import { setTimeout as delay } from 'node:timers/promises'

export interface UntilOptions {
  /** Default 15,000: generous, since a busy machine is no failure. */
  readonly withinMs?: number
  /** Pause between two looks. Default 20. */
  readonly everyMs?: number
}

/**
 * Looks again and again until `look` gives something other than false, null or undefined, and resolves with
 * it. A look that throws is a look that found nothing.
 *
 * @param fact for the failure: "no such fact in time: ..."
 * @throws Error when time is up; its cause is what the last look threw
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
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${fact}`, { cause })
    await delay(everyMs)
  }
}
