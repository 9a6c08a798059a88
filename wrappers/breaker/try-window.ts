const BUCKETS = 10

/**
 * Counts the tries of the last `windowMs` that passed and that failed, in ten buckets. Counting one increments a
 * number and nothing else: with a thousand nodes used in turn, what a try touches is what the processor has to fetch
 * into its caches. The owner calls `close()`.
 */
export class TryWindow {
  /** Tries in the window that passed. */
  passed = 0
  /** Tries in the window that failed. */
  failed = 0
  /** What each earlier bucket has counted; the current bucket is the rest of `passed` and of `failed`. */
  readonly #passedBefore: number[] = new Array(BUCKETS - 1).fill(0)
  readonly #failedBefore: number[] = new Array(BUCKETS - 1).fill(0)
  #oldest = 0
  #windowMs = 0

  constructor(windowMs: number) {
    this.resize(windowMs)
  }

  /** Changes the length of the window. Counted tries stay counted until they are as old as the new window is long. */
  resize(windowMs: number): void {
    if (windowMs === this.#windowMs) return
    rotation.delete(this)
    rotation.add(this, windowMs / BUCKETS)
    this.#windowMs = windowMs
  }

  clear(): void {
    this.passed = 0
    this.failed = 0
    this.#passedBefore.fill(0)
    this.#failedBefore.fill(0)
  }

  /** Starts a new bucket and drops the oldest one. Called each time a tenth of the window has passed. */
  rotate(): void {
    if (this.passed === 0 && this.failed === 0) return
    this.passed -= replace(this.#passedBefore, this.#oldest, this.passed)
    this.failed -= replace(this.#failedBefore, this.#oldest, this.failed)
    this.#oldest = (this.#oldest + 1) % (BUCKETS - 1)
  }

  close(): void {
    rotation.delete(this)
  }
}

/**
 * Puts the count of the current bucket in the place of the oldest one.
 *
 * @param total the sum over all buckets
 * @returns the count of the bucket that was dropped
 */
function replace(buckets: number[], oldest: number, total: number): number {
  const gone = buckets[oldest]!
  buckets[oldest] = total - buckets.reduce((sum, each) => sum + each, 0)
  return gone
}

/** Rotates the windows of all breakers: one timer for each interval rather than one for each window. */
class Rotation {
  readonly #groups = new Map<number, { timer: NodeJS.Timeout; windows: Set<TryWindow> }>()

  add(window: TryWindow, intervalMs: number): void {
    let group = this.#groups.get(intervalMs)
    if (!group) {
      const windows = new Set<TryWindow>()
      const timer = setInterval(() => {
        for (const each of windows) each.rotate()
      }, intervalMs).unref()
      group = { timer, windows }
      this.#groups.set(intervalMs, group)
    }
    group.windows.add(window)
  }

  delete(window: TryWindow): void {
    for (const [intervalMs, { timer, windows }] of this.#groups) {
      if (!windows.delete(window) || windows.size > 0) continue
      clearInterval(timer)
      this.#groups.delete(intervalMs)
    }
  }
}

const rotation = new Rotation()
