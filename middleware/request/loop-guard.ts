import { GatewayError } from '../../internal/http/errors.ts'
import { LoopLimit } from './loop-limit.ts'

export interface LoopGuardOptions {
  /** How long a turn of the event loop may take, in milliseconds; Infinity = measure only, refuse nothing. */
  readonly targetMs: number
  /** Returns the number of requests in flight, without WebSockets. */
  readonly inFlight: () => number
  /** Called when a limit on requests begins to apply, and when it is lifted. */
  readonly onChange?: (change: LoopChange) => void
}

export type LoopChange =
  /** @property delayMs the shortest turn of the last interval, in milliseconds */
  | { readonly isOverloaded: true; readonly delayMs: number; readonly inFlight: number }
  | { readonly isOverloaded: false; readonly refused: number; readonly ms: number }

/** Time between two measured turns. */
const PAUSE_MS = 100
/** Weight of the newest measurement in the moving average. */
const NEWEST_SHARE = 0.25

const REFUSAL = new GatewayError('WG_OVERLOADED', {
  detail: 'The gateway is at its limit; try again later.',
  headers: { 'retry-after': '1' },
  cause: new Error('event loop overloaded'),
})

/**
 * Measures the delay of the event loop, and refuses requests while this process has more work than it can do.
 *
 * An event waits up to one turn of the event loop before it is handled. From time to time a turn is measured, by the delay
 * of a timer that is due at once. {@link LoopLimit} decides how many requests may be in flight.
 *
 * Its timers keep no process alive. The owner calls `close()`.
 */
export class LoopGuard {
  readonly #inFlight: () => number
  readonly #onChange: (change: LoopChange) => void
  readonly #limit: LoopLimit
  #timer: NodeJS.Timeout
  #turnMs = 0
  #refused = 0
  /** When the overload began, and how many had been refused by then. */
  #overload: { readonly since: number; readonly refusedBefore: number } | undefined = undefined

  constructor({ targetMs, inFlight, onChange = () => {} }: LoopGuardOptions) {
    this.#inFlight = inFlight
    this.#onChange = onChange
    this.#limit = new LoopLimit(targetMs, performance.now())
    this.#timer = this.#pause()
  }

  /** Whether a limit on requests applies now. */
  get isOverloaded(): boolean {
    return this.#overload !== undefined
  }

  /** How long a turn of the event loop may take, in milliseconds; Infinity = any time. */
  set targetMs(ms: number) {
    this.#limit.targetMs = ms
  }

  /** The recent length of a turn of the event loop, in milliseconds. */
  get turnMs(): number {
    return this.#turnMs
  }

  /** Requests refused since the start. */
  get refused(): number {
    return this.#refused
  }

  /**
   * Admits a request or refuses it. Call it for each request while {@link isOverloaded} is true.
   *
   * @throws GatewayError WG_OVERLOADED with Retry-After
   */
  admit(): void {
    if (!this.#limit.refuses(this.#inFlight())) return
    this.#refused++
    throw REFUSAL
  }

  /** Stops measuring. No request is refused after that. */
  close(): void {
    clearTimeout(this.#timer)
    this.#overload = undefined
  }

  #pause(): NodeJS.Timeout {
    return setTimeout(() => {
      const begunAt = performance.now()
      // 1 ms is the shortest timer in Node. It fires in the next turn.
      this.#timer = setTimeout(() => this.#measured(begunAt), 1).unref()
    }, PAUSE_MS).unref()
  }

  #measured(begunAt: number): void {
    this.#timer = this.#pause()
    const now = performance.now()
    const turnMs = Math.max(0, now - begunAt - 1)
    this.#turnMs += NEWEST_SHARE * (turnMs - this.#turnMs)
    const inFlight = this.#inFlight()
    const delayMs = this.#limit.recordTurn(turnMs, inFlight, now)
    if (delayMs === undefined) return
    const isOverloaded = this.#limit.limit !== Number.POSITIVE_INFINITY
    const known = this.#overload
    if (isOverloaded && !known) {
      this.#overload = { since: now, refusedBefore: this.#refused }
      this.#onChange({ isOverloaded, delayMs, inFlight })
    } else if (!isOverloaded && known) {
      this.#overload = undefined
      this.#onChange({ isOverloaded, refused: this.#refused - known.refusedBefore, ms: now - known.since })
    }
  }
}
