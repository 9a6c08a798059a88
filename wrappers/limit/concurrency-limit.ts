import type { Wrapper } from '../../internal/upstream.ts'
import { type OverloadReason, ServiceLimiter, type ServiceLimitSettings } from './service-limiter.ts'

/**
 * Keeps the requests in flight at a service within its concurrency limit. Requests beyond the limit wait for a moment
 * and are then refused. The limit counts requests, not tries, and a request counts until its answer has ended: the
 * code that sees that end calls `call.limiter.release()`.
 *
 * @throws GatewayError WG_OVERLOADED with Retry-After, before anything was sent
 */
export function createConcurrencyLimit(limits: ServiceLimits): Wrapper {
  return next => (request, call) => {
    const limiter = limits.isOn ? limits.of(request.service) : undefined
    return limiter ? limiter.pass(next, request, call) : next(request, call)
  }
}

export interface ServiceLimitsOptions {
  /** Returns how long a turn of the event loop takes at the moment, milliseconds. */
  readonly loopTurnMs?: () => number
  /** Is called when a service begins to refuse requests, and when it has refused none for 3 s. */
  readonly onChange?: (change: OverloadChange) => void
  /** Milliseconds on the monotonic clock. */
  readonly now?: () => number
}

/** The beginning or the end of an overload. A service is overloaded from its first refusal until 3 s after its last. */
export type OverloadChange =
  | { readonly isOverloaded: true; readonly limiter: ServiceLimiter; readonly reason: OverloadReason }
  | {
      readonly isOverloaded: false
      readonly limiter: ServiceLimiter
      /** Requests refused during the overload. */
      readonly refused: number
      /** From the first refusal to the last. */
      readonly ms: number
    }

interface Overload {
  readonly since: number
  readonly refusedBefore: number
  lastAt: number
}

const OVER_AFTER_MS = 3_000
const CHECK_EVERY_MS = 500

/** The limiters of all services. The owner calls `close()`. */
export class ServiceLimits {
  readonly #loopTurnMs: (() => number) | undefined
  readonly #onChange: (change: OverloadChange) => void
  readonly #now: () => number
  /** Null = the service has no limit. Bounded by the services that were ever asked. */
  readonly #limiters = new Map<string, ServiceLimiter | null>()
  readonly #overloads = new Map<ServiceLimiter, Overload>()
  #settingsOf: (service: string) => ServiceLimitSettings | undefined = () => undefined
  #isOn = false
  #timer: NodeJS.Timeout | undefined = undefined

  constructor({ loopTurnMs, onChange = () => {}, now = () => performance.now() }: ServiceLimitsOptions = {}) {
    this.#loopTurnMs = loopTurnMs
    this.#onChange = onChange
    this.#now = now
  }

  /** Whether any service has a limit. */
  get isOn(): boolean {
    return this.#isOn
  }

  /**
   * Takes new settings. A service that still has a limit keeps its requests in flight and what its limiter has learned.
   *
   * @param isOn whether any service has a limit
   * @param settingsOf returns undefined for a service without a limit
   */
  configure(isOn: boolean, settingsOf: (service: string) => ServiceLimitSettings | undefined): void {
    this.#isOn = isOn
    this.#settingsOf = settingsOf
    for (const [service, limiter] of this.#limiters) {
      const settings = settingsOf(service)
      if (limiter && settings) limiter.configure(settings)
      else {
        limiter?.open()
        this.#limiters.delete(service)
      }
    }
  }

  /** Returns undefined for a service without a limit. */
  of(service: string): ServiceLimiter | undefined {
    if (!this.#isOn) return undefined
    let limiter = this.#limiters.get(service)
    if (limiter === undefined) {
      limiter = this.#create(service)
      this.#limiters.set(service, limiter)
    }
    return limiter ?? undefined
  }

  #create(service: string): ServiceLimiter | null {
    const settings = this.#settingsOf(service)
    if (!settings) return null
    return new ServiceLimiter({
      service,
      settings,
      loopTurnMs: this.#loopTurnMs,
      onRefused: (limiter, reason) => this.#refused(limiter, reason),
      now: this.#now,
    })
  }

  /** Iterates over the limiters of services that were asked. */
  *[Symbol.iterator](): Generator<ServiceLimiter> {
    for (const limiter of this.#limiters.values()) if (limiter) yield limiter
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #refused(limiter: ServiceLimiter, reason: OverloadReason): void {
    const now = this.#now()
    const known = this.#overloads.get(limiter)
    if (known) {
      known.lastAt = now
      return
    }
    this.#overloads.set(limiter, { since: now, refusedBefore: limiter.refused - 1, lastAt: now })
    this.#timer ??= setInterval(() => this.#endOverloads(), CHECK_EVERY_MS).unref()
    this.#onChange({ isOverloaded: true, limiter, reason })
  }

  #endOverloads(): void {
    const now = this.#now()
    for (const [limiter, { since, lastAt, refusedBefore }] of this.#overloads) {
      if (now - lastAt < OVER_AFTER_MS) continue
      this.#overloads.delete(limiter)
      const refused = limiter.refused - refusedBefore
      this.#onChange({ isOverloaded: false, limiter, refused, ms: lastAt - since })
    }
    if (this.#overloads.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
