import { setImmediate as nextTurn } from 'node:timers/promises'

/** Long enough to be worth a turn of the event loop, short enough not to delay requests noticeably. */
const SLICE_MS = 4

/** Runs long work in slices of a few milliseconds, so that the process can do other work between them. */
export class Slices {
  /** How long the runs since the last turn took together, without the present one. */
  #usedMs = 0
  /** When the present run began, or went on after a turn. */
  #begunAt = 0

  /**
   * Runs a generator to its end, waiting for the promises that it yields. One that ends within a slice is not interrupted.
   */
  async run(steps: Generator<Promise<void> | void, void>): Promise<void> {
    this.#begunAt = performance.now()
    for (let step = steps.next(); !step.done; step = steps.next()) {
      if (step.value) await step.value
      if (this.#isDue) await this.#turn()
    }
    this.#noteUsed()
  }

  /**
   * Gives up the event loop when the runs since the last turn took a slice together, with what was done after each. Call it
   * after that. Otherwise many short runs could follow each other for seconds.
   */
  async rest(): Promise<void> {
    this.#noteUsed()
    if (this.#isDue) await this.#turn()
  }

  get #isDue(): boolean {
    return this.#usedMs + performance.now() - this.#begunAt >= SLICE_MS
  }

  #noteUsed(): void {
    const now = performance.now()
    this.#usedMs += now - this.#begunAt
    this.#begunAt = now
  }

  async #turn(): Promise<void> {
    await nextTurn()
    this.#usedMs = 0
    this.#begunAt = performance.now()
  }
}
