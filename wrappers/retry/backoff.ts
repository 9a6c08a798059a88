import type { Call } from '../../internal/call.ts'

const BASE_MS = 25
const MAX_MS = 250
/** Timers of Node fire at once when they are set to more, which a node may ask for. */
const LONGEST_PAUSE_MS = 2 ** 31 - 1

/**
 * Returns how long to wait before a retry, milliseconds. The first retry follows at once, because it goes to another
 * node. The second waits for a random time up to 25 ms; that bound doubles with each retry, up to 250 ms.
 *
 * Source: "full jitter" of Marc Brooker, "Exponential Backoff and Jitter" (AWS Architecture Blog, 2015), with Envoy's
 * default numbers.
 *
 * @param retries how many were begun before
 * @param random 0..1
 */
export function backoffMs(retries: number, random: number): number {
  if (retries === 0) return 0
  return random * Math.min(MAX_MS, BASE_MS * 2 ** Math.min(retries - 1, 10))
}

/** Resolves after `ms`, at most 24 days, or as soon as the call is ended. */
export function pause(call: Call, ms: number): Promise<void> {
  // A hedged call whose client has left can fail for want of a third node, after which a node that asked to wait is next.
  if (call.ended) return Promise.resolve()
  return new Promise(resolve => {
    const waiting = {
      cancel: () => {
        clearTimeout(timer)
        if (call.current === waiting) call.current = undefined
        resolve()
      },
    }
    const timer = setTimeout(waiting.cancel, Math.min(ms, LONGEST_PAUSE_MS))
    call.current = waiting
  })
}
