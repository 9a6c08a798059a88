/** Has something to write at the end of the turn. */
export interface LateWriter {
  /** Writes what is due. Does nothing when it no longer is. Must not throw. */
  writeDue(): void
}

/** A turn in which so many have something to write is a busy one. */
const BUSY = 2
/** After so many writers, the turn is not waited for: the first of them should not wait for hundreds of others. */
const MOST_DUE = 32

/**
 * Makes the writes of one turn of the event loop together, after everything that arrived in it was read. A write to a
 * socket whose reader sleeps wakes that reader, which is dear on virtual machines. Of writes that follow each other
 * closely, only the first does.
 *
 * Waits for the end of a turn only when the turn before was a busy one, so that no request waits for another under a light
 * load. Is meant for what a connection sends at a time of its own, such as a short request or answer, and not for pieces of
 * a stream.
 */
export class LateWrites {
  readonly #schedule: (write: () => void) => unknown
  #due: LateWriter[] = []
  /** How many had something to write in this turn. */
  #count = 0
  #isBusy = false

  /** @param schedule calls a function at the end of the turn: `setImmediate` */
  constructor(schedule: (write: () => void) => unknown) {
    this.#schedule = schedule
  }

  /** Calls `writeDue` of the writer at once, or at the end of the turn at the latest. */
  add(writer: LateWriter): void {
    this.#count++
    if (this.#count === 1) this.#schedule(this.#endTurn)
    if (!this.#isBusy) writer.writeDue()
    else if (this.#due.push(writer) === MOST_DUE) this.#write()
  }

  readonly #endTurn = (): void => {
    this.#isBusy = this.#count >= BUSY
    this.#count = 0
    this.#write()
  }

  #write(): void {
    const due = this.#due
    this.#due = []
    for (const writer of due) writer.writeDue()
  }
}
