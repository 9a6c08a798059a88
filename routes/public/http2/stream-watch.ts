import { Pace } from '../../../middleware/connection/pace.ts'

/** Measures how long something has not changed for which the gateway waits. */
export class Still {
  #value = 0
  #since = 0

  /** @param waits whether the gateway waits for the client; if not, no time is counted */
  msAt(now: number, value: number, waits: boolean): number {
    if (!waits || this.#since === 0 || value !== this.#value) {
      this.#value = value
      this.#since = waits ? now : 0
    }
    return waits ? now - this.#since : 0
  }
}

/** What the rules for slow clients remember about one stream. */
export class StreamWatch {
  readonly received = new Still()
  readonly sent = new Still()
  readonly sending = new Pace()
  readonly reading = new Pace()
}
