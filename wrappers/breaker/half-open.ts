import { EventEmitter } from 'node:events'
import Opossum from 'opossum'
import type { BreakerState } from '../../internal/nodes/peer.ts'

export interface OpenBreakerEvents {
  readonly onOpen: () => void
  readonly onHalfOpen: () => void
  readonly onClose: () => void
}

/**
 * A breaker from the moment it opens until it closes again. While open, it refuses. When its time has passed it is
 * half-open and lets one probe through, which either closes it or opens it again. The owner calls `shutdown()`.
 *
 * Only the state machine of opossum is used. opossum does not decide when to open, because it knows neither slow calls
 * nor the limit on ejections. Nor does it count tries: it would touch some fifty objects for each of them, while
 * counting is all that a breaker has to do in a healthy gateway.
 */
export class OpenBreaker {
  readonly #breaker: Opossum<[attempt: () => Promise<unknown>], unknown>
  /** The options object of opossum, which reads `resetTimeout` each time it opens. */
  readonly #timing = { resetTimeout: 0 }
  #openedAt = 0

  constructor({ onOpen, onHalfOpen, onClose }: OpenBreakerEvents) {
    this.#breaker = new Opossum(
      attempt => attempt(),
      Object.assign(this.#timing, {
        timeout: false as const,
        // Keeps opossum from opening by itself.
        volumeThreshold: Number.MAX_SAFE_INTEGER,
        // Switches off its counts and its timers, which are not used.
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

  /** Milliseconds until the breaker lets a probe through; 0 when it is not open. */
  get retryInMs(): number {
    const passed = performance.now() - this.#openedAt
    return this.#breaker.opened ? Math.max(0, this.#timing.resetTimeout - passed) : 0
  }

  /** Whether the breaker is half-open and its probe has not begun. */
  get wantsProbe(): boolean {
    return this.#breaker.pendingClose
  }

  /** @param openMs how long it stays open; call `setOpenMs` before a probe fails, which opens it again */
  open(openMs: number): void {
    this.setOpenMs(openMs)
    this.#breaker.open()
  }

  /** Sets how long the breaker stays open when the probe fails. */
  setOpenMs(openMs: number): void {
    this.#timing.resetTimeout = openMs
    this.#openedAt = performance.now()
  }

  close(): void {
    this.#breaker.close()
  }

  /**
   * Runs `attempt` as the probe. The breaker opens again when it rejects, and closes when it resolves.
   *
   * @throws CircuitOpenError when the breaker is open or already has a probe
   */
  probe<T>(attempt: () => Promise<T>): Promise<T> {
    return this.#breaker.fire(attempt).catch(error => {
      const code = (error as { code?: unknown } | undefined)?.code
      if (code === 'EOPENBREAKER' || code === 'ESHUTDOWN')
        throw new CircuitOpenError('the circuit breaker is open', { cause: error })
      throw error
    }) as Promise<T>
  }

  shutdown(): void {
    this.#breaker.shutdown()
  }
}

/** The breaker refused the try; the node has seen nothing of it. */
export class CircuitOpenError extends Error {
  override readonly name = 'CircuitOpenError'
}
