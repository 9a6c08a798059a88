import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long work for the admin listener may keep the event loop from requests. */
const TURN_MS = 2
/** Divides long work into turns of the event loop: `if (turns.isOver) await turns.next()` after each small item. */
export class Turns {
  readonly #itemsALook: number
  #since = performance.now()
  #items = 0

  /** @param itemsALook how many items are done between looks at the clock, which cost more than most items */
  constructor(itemsALook = 32) {
    this.#itemsALook = itemsALook
  }

  /** Whether the present turn has taken long enough. */
  get isOver(): boolean {
    return ++this.#items % this.#itemsALook === 0 && performance.now() - this.#since > TURN_MS
  }

  async next(): Promise<void> {
    await nextTurn()
    this.#since = performance.now()
  }
}

/**
 * Returns a function that does `run`, once at a time. Calls during a run share the next one, so that each gets what was
 * read after it asked, and so that many at once cost as much as two.
 */
export function oneAtATime<T>(run: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  let waiting: Promise<T> | undefined
  return () => {
    if (waiting === undefined) {
      const next = last.then(() => {
        waiting = undefined
        return run()
      })
      waiting = next
      last = next.catch(() => {})
    }
    return waiting
  }
}
