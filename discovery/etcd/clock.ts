/** Time as the sync and the registrar see it; tests bring their own. */
export interface Clock {
  /** Monotonic, in milliseconds. */
  now(): number
  /** @returns cancels it */
  after(delayMs: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs)
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
 * How long to wait before try number `attempt` (from 0): full jitter, so that many clients of one store do
 * not come back in step (https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/).
 */
export function jitteredBackoffMs(attempt: number, random: () => number, capMs = BACKOFF_CAP_MS): number {
  return random() * Math.min(capMs, BACKOFF_BASE_MS * 2 ** attempt)
}
