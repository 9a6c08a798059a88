import { Limiter, type LimitReason, type LimitSettings } from './service-limiter.ts'

export interface LimitsOptions {
  /** How long a turn of the event loop takes at the moment, milliseconds. */
  readonly loopTurnMs?: () => number
  /** Told when a service begins to refuse requests, and when it has not for a while. */
  readonly onChange?: (change: OverloadChange) => void
  /** Milliseconds on the monotonic clock. */
  readonly now?: () => number
}

/** A service is overloaded from its first refusal until none has come for 3 s. */
export type OverloadChange =
  | { readonly isOverloaded: true; readonly limiter: Limiter; readonly reason: LimitReason }
  | { readonly isOverloaded: false; readonly limiter: Limiter; readonly refused: number; readonly ms: number }

interface Overload {
  readonly since: number
  readonly refusedBefore: number
  lastAt: number
}

const OVER_AFTER_MS = 3_000
const LOOK_EVERY_MS = 500

/** The limits of all services. Whoever made it calls `close()`. */
export class Limits {
  readonly #loopTurnMs: (() => number) | undefined
  readonly #onChange: (change: OverloadChange) => void
  readonly #now: () => number
  /** Null: it has no limit. Bounded by the services that were ever asked. */
  readonly #limiters = new Map<string, Limiter | null>()
  readonly #overloads = new Map<Limiter, Overload>()
  #settingsOf: (service: string) => LimitSettings | undefined = () => undefined
  #isOn = false
  #timer: NodeJS.Timeout | undefined = undefined

  constructor({ loopTurnMs, onChange = () => {}, now = () => performance.now() }: LimitsOptions = {}) {
    this.#loopTurnMs = loopTurnMs
    this.#onChange = onChange
    this.#now = now
  }

  /** Whether any service has a limit. */
  get isOn(): boolean {
    return this.#isOn
  }

  /**
   * Takes new settings. A service that keeps a limit keeps its places and what was learned of it.
   *
   * @param isOn whether any service has a limit
   * @param settingsOf undefined: the service has none
   */
  configure(isOn: boolean, settingsOf: (service: string) => LimitSettings | undefined): void {
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

  /** Undefined: the service has no limit. */
  of(service: string): Limiter | undefined {
    if (!this.#isOn) return undefined
    let limiter = this.#limiters.get(service)
    if (limiter === undefined) {
      limiter = this.#create(service)
      this.#limiters.set(service, limiter)
    }
    return limiter ?? undefined
  }

  #create(service: string): Limiter | null {
    const settings = this.#settingsOf(service)
    if (!settings) return null
    return new Limiter({
      service,
      settings,
      loopTurnMs: this.#loopTurnMs,
      onRefused: (limiter, reason) => this.#refused(limiter, reason),
      now: this.#now,
    })
  }

  /** Those of services that were asked. */
  *[Symbol.iterator](): Generator<Limiter> {
    for (const limiter of this.#limiters.values()) if (limiter) yield limiter
  }

  /** Ends its timer. */
  close(): void {
    clearInterval(this.#timer)
  }

  #refused(limiter: Limiter, reason: LimitReason): void {
    const now = this.#now()
    const known = this.#overloads.get(limiter)
    if (known) {
      known.lastAt = now
      return
    }
    this.#overloads.set(limiter, { since: now, refusedBefore: limiter.refused - 1, lastAt: now })
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref()
    this.#onChange({ isOverloaded: true, limiter, reason })
  }

  #look(): void {
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
