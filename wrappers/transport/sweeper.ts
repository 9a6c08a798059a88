/** A pool of connections to one node, as far as it has something to do from time to time. Times are on the monotonic clock. */
export interface Swept {
  /** Closes connections whose idle time is over. @returns whether idle connections are left */
  closeExpired(now: number): boolean
  /** Closes the connection that has been idle for longest, at once. @returns whether there was one */
  closeOldest(): boolean
  /** Looks up the name of the node when it is time. @returns whether there are connections that depend on it */
  followName(now: number): boolean
}

/** An idle connection may be closed this much after its time, but is not used again after its time. */
const SWEEP_MS = 500

/** Sweeps all pools with one timer, which runs only while there is something to do. */
class Sweeper {
  readonly #pools = new Set<Swept>()
  #timer: NodeJS.Timeout | undefined

  watch(pool: Swept): void {
    this.#pools.add(pool)
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  /** Closes one idle connection of each pool that has any. @returns whether there was one */
  closeOldest(): boolean {
    let hasClosed = false
    for (const pool of this.#pools) if (pool.closeOldest()) hasClosed = true
    return hasClosed
  }

  #sweep(): void {
    const now = performance.now()
    for (const pool of this.#pools) {
      const hasIdle = pool.closeExpired(now)
      if (!pool.followName(now) && !hasIdle) this.#pools.delete(pool)
    }
    if (this.#pools.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

export const sweeper = new Sweeper()
