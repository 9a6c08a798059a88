/** The clock of the sync and the registrar. Tests use their own. */
export interface Clock {
  /** Monotonic, in milliseconds. */
  now(): number
  /**
   * Runs a function once after a delay. A moment that has passed already, as after a pause of the whole process, is a
   * delay below 0, and comes next.
   *
   * @returns a function that cancels it
   */
  after(delayMs: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, run) {
    // Node.js warns of a negative delay.
    const timer = setTimeout(run, Math.max(0, delayMs))
    return () => clearTimeout(timer)
  },
}

/** Resolves after `delayMs`, or at once when `signal` aborts. Never rejects. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const done = () => {
      cancel()
      signal.removeEventListener('abort', done)
      resolve()
    }
    const cancel = clock.after(delayMs, done)
    signal.addEventListener('abort', done, { once: true })
  })
}

const BACKOFF_BASE_MS = 100
const BACKOFF_CAP_MS = 3_000

/**
 * Returns how long to wait before attempt number `attempt` (from 0), in milliseconds. It uses full jitter, so
 * that the clients of one store do not all come back at the same time
 * (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
 */
export function jitteredBackoffMs(attempt: number, random: () => number, capMs = BACKOFF_CAP_MS): number {
  return random() * Math.min(capMs, BACKOFF_BASE_MS * 2 ** attempt)
}
