/** Has something to write at the end of the turn. */
export interface LateWriter {
  /** Writes what is due. Does nothing when it no longer is. Must not throw. */
  writeDue(): void
}

/** After so many writers, the turn is not waited for: the first of them should not wait for hundreds of others. */
const MOST_DUE = 32

/**
 * Makes the writes of one turn of the event loop together, after everything that arrived in it was read. A write to a
 * socket whose reader sleeps wakes that reader, which is dear on virtual machines. Of writes that follow each other
 * closely, only the first does.
 *
 * Is meant for what a connection sends at a time of its own, such as a short request or answer, and not for pieces of a
 * stream.
 */
export class LateWrites {
  readonly #schedule: (write: () => void) => unknown
  #due: LateWriter[] = []

  /** @param schedule calls a function at the end of the turn: `setImmediate` */
  constructor(schedule: (write: () => void) => unknown) {
    this.#schedule = schedule
  }

  /** Calls `writeDue` of the writer at the end of the turn, or earlier. */
  add(writer: LateWriter): void {
    const count = this.#due.push(writer)
    if (count === 1) this.#schedule(this.#write)
    else if (count === MOST_DUE) this.#write()
  }

  readonly #write = (): void => {
    const due = this.#due
    this.#due = []
    for (const writer of due) writer.writeDue()
  }
}
