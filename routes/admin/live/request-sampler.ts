import type { LiveRequests, RequestEntry } from '../api-types.ts'

/** More lines than this cannot be read, and cost the gateway and the browser time. */
const LINES_A_SECOND = 50
/** So many entries of one batch are kept to choose from. */
const MAX_KEPT = 256

/**
 * Chooses which requests a viewer sees when there are more than 50 a second. Those chosen lie evenly among all, so that a burst
 * does not hide what comes after it.
 */
export class RequestSampler {
  #kept: RequestEntry[] = []
  /** Every so many-th request is kept. */
  #stride = 1
  #offered = 0
  /** All requests since the last batch. */
  #seen = 0
  #lost = 0
  /** How many lines may be sent now. */
  #allowed = LINES_A_SECOND
  #since: number

  /** @param now milliseconds of any clock that does not go back */
  constructor(now: number) {
    this.#since = now
  }

  add(entry: RequestEntry): void {
    this.#seen++
    if (this.#offered++ % this.#stride !== 0) return
    this.#kept.push(entry)
    if (this.#kept.length < MAX_KEPT) return
    this.#kept = this.#kept.filter((_, i) => i % 2 === 0)
    this.#stride *= 2
  }

  /** Counts requests that were left out before. */
  addLost(requests: number): void {
    this.#seen += requests
  }

  /** Counts the requests since the last batch as lost, because the viewer is too slow. */
  lose(now: number): void {
    this.#lost += this.#seen
    this.#begin(now)
  }

  /** Returns the next batch. */
  take(now: number): LiveRequests {
    const seconds = Math.max(now - this.#since, 1) / 1000
    this.#allowed = Math.min(LINES_A_SECOND, this.#allowed + seconds * LINES_A_SECOND)
    const items = evenly(this.#kept, Math.floor(this.#allowed))
    this.#allowed -= items.length
    const isSampled = items.length < this.#seen
    const lost = this.#lost + this.#seen - items.length
    const perSecond = Math.round(this.#seen / seconds)
    this.#lost = 0
    this.#begin(now)
    return { items, lost, ...(isSampled && { perSecond }) }
  }

  #begin(now: number): void {
    this.#kept = []
    this.#stride = 1
    this.#offered = 0
    this.#seen = 0
    this.#since = now
  }
}

/** Returns at most so many items of a list, with the same distance between them. */
function evenly<Item>(all: readonly Item[], count: number): readonly Item[] {
  if (all.length <= count) return all
  return Array.from({ length: count }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / count)]!)
}
