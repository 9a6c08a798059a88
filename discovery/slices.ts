import { setImmediate as nextTurn } from 'node:timers/promises'

/** Long enough to be worth the turn, short enough that no request notices. */
const SLICE_MS = 4

/** Does work piece by piece, letting other work of the process in between every few milliseconds. */
export class Slices {
  #endsAt = 0

  /** Runs a generator to its end. One that is over within a slice is not cut. */
  async run(steps: Generator<void, void>): Promise<void> {
    let endsAt = performance.now() + SLICE_MS
    while (!steps.next().done) {
      if (performance.now() < endsAt) continue
      await this.#turn()
      endsAt = this.#endsAt
    }
  }

  /**
   * Lets other work in when the last turn is a slice ago, over however many runs that was. To be called after each:
   * runs that are too short to be cut could otherwise follow each other for seconds.
   */
  async rest(): Promise<void> {
    if (performance.now() >= this.#endsAt) await this.#turn()
  }

  async #turn(): Promise<void> {
    await nextTurn()
    this.#endsAt = performance.now() + SLICE_MS
  }
}
