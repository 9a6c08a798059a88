import { GatewayError } from '../../internal/http/errors.ts'
import { LoopLimit } from './loop-limit.ts'

export interface LoopGuardOptions {
  /** How long a turn of the event loop may take, milliseconds; Infinity: it only watches. */
  readonly targetMs: number
  /** Plain requests whose answer is not over. */
  readonly underWay: () => number
  /** Told when it begins to hold requests at a limit, and when it no longer does. */
  readonly onChange?: (change: LoopChange) => void
}

export type LoopChange =
  /** @property delayMs the quickest turn of late, milliseconds */
  | { readonly isOverloaded: true; readonly delayMs: number; readonly underWay: number }
  | { readonly isOverloaded: false; readonly refused: number; readonly ms: number }

/** Between two turns that are timed. */
const PAUSE_MS = 100
/** What one that is timed adds to what was known. */
const NEWEST_SHARE = 0.25

const REFUSAL = new GatewayError('WG_OVERLOADED', {
  detail: 'The gateway is at its limit; try again later.',
  headers: { 'retry-after': '1' },
  cause: new Error('the event loop is late'),
})

/**
 * Watches how late the event loop is, and refuses requests while this process has more to do than it can.
 *
 * A turn of the event loop is how long whatever happens waits to be noticed. Now and then one is timed, by how late a
 * timer is that is due at once; {@link LoopLimit} says what follows.
 *
 * Its timers keep no process alive. Whoever made it calls `close()`.
 */
export class LoopGuard {
  readonly #underWay: () => number
  readonly #onChange: (change: LoopChange) => void
  readonly #limit: LoopLimit
  #timer: NodeJS.Timeout
  #turnMs = 0
  #refused = 0
  /** When the overload began, and how many had been refused by then. */
  #overload: { readonly since: number; readonly refusedBefore: number } | undefined = undefined

  constructor({ targetMs, underWay, onChange = () => {} }: LoopGuardOptions) {
    this.#underWay = underWay
    this.#onChange = onChange
    this.#limit = new LoopLimit(targetMs, performance.now())
    this.#timer = this.#pause()
  }

  /** Whether it holds requests at a limit now. */
  get isOverloaded(): boolean {
    return this.#overload !== undefined
  }

  /** How long a turn of the loop took of late, milliseconds. */
  get turnMs(): number {
    return this.#turnMs
  }

  /** Requests refused since the beginning. */
  get refused(): number {
    return this.#refused
  }

  /**
   * To be called for each request while it {@link isOverloaded}.
   *
   * @throws GatewayError WG_OVERLOADED with Retry-After
   */
  admit(): void {
    if (!this.#limit.refuses(this.#underWay())) return
    this.#refused++
    throw REFUSAL
  }

  /** Refuses nobody any more. */
  close(): void {
    clearTimeout(this.#timer)
    this.#overload = undefined
  }

  #pause(): NodeJS.Timeout {
    return setTimeout(() => {
      const begunAt = performance.now()
      // The least that Node waits; it fires in the next turn.
      this.#timer = setTimeout(() => this.#timed(begunAt), 1).unref()
    }, PAUSE_MS).unref()
  }

  #timed(begunAt: number): void {
    this.#timer = this.#pause()
    const now = performance.now()
    const turnMs = Math.max(0, now - begunAt - 1)
    this.#turnMs += NEWEST_SHARE * (turnMs - this.#turnMs)
    const underWay = this.#underWay()
    const delayMs = this.#limit.turned(turnMs, underWay, now)
    if (delayMs === undefined) return
    const isOverloaded = this.#limit.limit !== Number.POSITIVE_INFINITY
    const known = this.#overload
    if (isOverloaded && !known) {
      this.#overload = { since: now, refusedBefore: this.#refused }
      this.#onChange({ isOverloaded, delayMs, underWay })
    } else if (!isOverloaded && known) {
      this.#overload = undefined
      this.#onChange({ isOverloaded, refused: this.#refused - known.refusedBefore, ms: now - known.since })
    }
  }
}
