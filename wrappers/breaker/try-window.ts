import { type Rotating, rotation } from './rotation.ts'

const BUCKETS = 10

/**
 * How many tries of the last while passed and failed. To count one is to add to a number: of a thousand nodes that are
 * asked in turn, as little as can be has to be fetched into the processor's caches. Whoever made it calls `close()`.
 */
export class TryWindow implements Rotating {
  passed = 0
  failed = 0
  /** Those of them that were counted in each turn before the present one. */
  readonly #passedBefore: number[] = new Array(BUCKETS - 1).fill(0)
  readonly #failedBefore: number[] = new Array(BUCKETS - 1).fill(0)
  #oldest = 0
  #windowMs = 0

  constructor(windowMs: number) {
    this.resize(windowMs)
  }

  /** What was counted stays counted, until it is as old as the new window. */
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

  /** A tenth of the window is over: the oldest tenth goes. */
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

/** Puts what came in the present turn where the oldest turn is. @returns what came in that */
function replace(turns: number[], oldest: number, total: number): number {
  const gone = turns[oldest]!
  turns[oldest] = total - turns.reduce((sum, each) => sum + each, 0)
  return gone
}
