import { setImmediate as nextTurn } from 'node:timers/promises'

/** Long enough to be worth the turn, short enough that no request notices. */
const SLICE_MS = 4

/** Runs a generator to its end, letting other work of the process in between every few milliseconds. */
export async function runInSlices(steps: Generator<void, void>): Promise<void> {
  let sliceEndsAt = performance.now() + SLICE_MS
  while (!steps.next().done) {
    if (performance.now() < sliceEndsAt) continue
    await nextTurn()
    sliceEndsAt = performance.now() + SLICE_MS
  }
}
