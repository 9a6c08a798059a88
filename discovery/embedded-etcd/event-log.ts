import { eventBytes, type StoreEvent } from './key-value.ts'

/** The events since the last compaction, in the order of their revisions. */
export class EventLog {
  #events: StoreEvent[] = []
  #bytes = 0

  get length(): number {
    return this.#events.length
  }

  /** The approximate memory of the events. */
  get bytes(): number {
    return this.#bytes
  }

  at(position: number): StoreEvent | undefined {
    return this.#events[position]
  }

  append(events: readonly StoreEvent[]): void {
    for (const event of events) {
      this.#events.push(event)
      this.#bytes += eventBytes(event)
    }
  }

  /** Returns the position of the first event at `revision` or later. */
  position(revision: bigint): number {
    let low = 0
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#events[middle]!.kv.modRevision < revision) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Drops the last events. */
  dropLast(count: number): void {
    for (const dropped of this.#events.splice(this.#events.length - count)) this.#bytes -= eventBytes(dropped)
  }

  /** Drops the events before `revision`. */
  trim(revision: bigint): void {
    for (const dropped of this.#events.splice(0, this.position(revision))) {
      this.#bytes -= eventBytes(dropped)
    }
  }
}
