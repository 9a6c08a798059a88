import { setImmediate as nextTurn } from 'node:timers/promises'

/** Long enough to be worth a turn of the event loop, short enough not to delay requests noticeably. */
const SLICE_MS = 4

/** Runs long work in slices of a few milliseconds, so that the process can do other work between them. */
export class Slices {
  #endsAt = 0

  /**
   * Runs a generator to its end, waiting for the promises that it yields. One that ends within a slice is not interrupted.
   */
  async run(steps: Generator<Promise<void> | void, void>): Promise<void> {
    let endsAt = performance.now() + SLICE_MS
    for (let step = steps.next(); !step.done; step = steps.next()) {
      if (step.value) await step.value
      if (performance.now() < endsAt) continue
      await this.#turn()
      endsAt = this.#endsAt
    }
  }

  /**
   * Gives up the event loop when the last turn was at least a slice ago, no matter how many runs ago. Call it
   * after each run. Otherwise many short runs could follow each other for seconds.
   */
  async rest(): Promise<void> {
    if (performance.now() >= this.#endsAt) await this.#turn()
  }

  async #turn(): Promise<void> {
    await nextTurn()
    this.#endsAt = performance.now() + SLICE_MS
  }
}
