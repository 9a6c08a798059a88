import type { Call } from '../../internal/call.ts'

const BASE_MS = 25
const MAX_MS = 250

/**
 * How long to wait before a retry, milliseconds: the first follows at once, since it goes to another node; then
 * anything up to 25 ms, doubled with each up to 250 ms.
 *
 * Source: "full jitter" of Marc Brooker, "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015), with the
 * numbers that Envoy has by default.
 *
 * @param retries begun before
 * @param random 0..1
 */
export function backoffMs(retries: number, random: number): number {
  if (retries === 0) return 0
  return random * Math.min(MAX_MS, BASE_MS * 2 ** Math.min(retries - 1, 10))
}

/** Waits; a call that is given up waits no longer. */
export function pause(call: Call, ms: number): Promise<void> {
  return new Promise(resolve => {
    const waiting = {
      cancel: () => {
        clearTimeout(timer)
        if (call.current === waiting) call.current = undefined
        resolve()
      },
    }
    const timer = setTimeout(waiting.cancel, ms)
    call.current = waiting
  })
}
