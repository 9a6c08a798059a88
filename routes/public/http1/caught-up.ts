import { setImmediate as nextTurn } from 'node:timers/promises'

/** Whoever always has something to read is not waited for longer than this. */
const LONGEST_MS = 2_000

/**
 * Resolves in a turn of the event loop in which nothing came: all that the system held for this process by then is
 * accepted (one connection in a turn) and read. What comes until the caller has closed something is microseconds late,
 * not as much as this process was busy.
 *
 * @param came how many connections and requests have come so far
 */
export async function untilCaughtUp(came: () => number): Promise<void> {
  const giveUpAt = performance.now() + LONGEST_MS
  let before: number
  do {
    before = came()
    await nextTurn()
    // The first turn may have begun before the call; the second cannot.
    await nextTurn()
  } while (came() !== before && performance.now() < giveUpAt)
}
