import { EventEmitter } from 'node:events'
import CircuitBreaker from 'opossum'
import type { BreakerState } from '../../internal/nodes/peer.ts'

export interface OpenBreakerEvents {
  readonly onOpen: () => void
  readonly onHalfOpen: () => void
  readonly onClose: () => void
}

/**
 * What becomes of a node that is left out, by opossum: open, it refuses; when its time is over it is half-open and lets
 * one probe through, which decides whether it opens again or closes. Whoever made it calls `shutdown()`.
 *
 * Of opossum this is the state machine alone. When to open is not asked of it: it knows neither slow calls nor who may
 * stay out, and to count a try it touches some fifty objects, where a gateway in good health has nothing to do but count.
 */
export class OpenBreaker {
  readonly #breaker: CircuitBreaker<[attempt: () => Promise<unknown>], unknown>
  /** opossum's own, which it reads anew each time it opens. */
  readonly #timing = { resetTimeout: 0 }
  #openedAt = 0

  constructor({ onOpen, onHalfOpen, onClose }: OpenBreakerEvents) {
    this.#breaker = new CircuitBreaker(
      attempt => attempt(),
      Object.assign(this.#timing, {
        timeout: false as const,
        // Closed, it never opens by itself.
        volumeThreshold: Number.MAX_SAFE_INTEGER,
        // Its counts are not used; nor are its timers.
        rollingCountBuckets: 1,
        rotateBucketController: new EventEmitter(),
        rollingPercentilesEnabled: false,
        enableSnapshots: false,
      }),
    )
    this.#breaker.on('open', onOpen).on('halfOpen', onHalfOpen).on('close', onClose)
  }

  get state(): BreakerState {
    if (this.#breaker.opened) return 'open'
    return this.#breaker.halfOpen ? 'half-open' : 'closed'
  }

  /** Milliseconds until a probe is let through; 0 when it is not open. */
  get retryInMs(): number {
    const passed = performance.now() - this.#openedAt
    return this.#breaker.opened ? Math.max(0, this.#timing.resetTimeout - passed) : 0
  }

  /** Whether it is half-open and its probe has not begun. */
  get wantsProbe(): boolean {
    return this.#breaker.pendingClose
  }

  /** @param openMs until it lets a probe through; asked for anew before a probe that fails opens it again */
  open(openMs: number): void {
    this.setOpenMs(openMs)
    this.#breaker.open()
  }

  /** How long it will be open when the probe fails. */
  setOpenMs(openMs: number): void {
    this.#timing.resetTimeout = openMs
    this.#openedAt = performance.now()
  }

  close(): void {
    this.#breaker.close()
  }

  /**
   * The probe. It opens the breaker again where it rejects, and closes it where it does not.
   *
   * @throws CircuitOpenError when it is open, or another is the probe
   */
  probe<T>(attempt: () => Promise<T>): Promise<T> {
    return this.#breaker.fire(attempt).catch(error => {
      const code = (error as { code?: unknown } | undefined)?.code
      if (code === 'EOPENBREAKER' || code === 'ESHUTDOWN')
        throw new CircuitOpenError('circuit open', { cause: error })
      throw error
    }) as Promise<T>
  }

  shutdown(): void {
    this.#breaker.shutdown()
  }
}

/** The breaker refused; the node has seen nothing. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError'
}
