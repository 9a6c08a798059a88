/** How slow a client may be. */
export interface PaceLimit {
  /** Bytes per second on average; 0 = no limit. */
  readonly minBytesPerSecond: number
  /** How long a client may stay below that rate when it has not been faster before, in milliseconds. */
  readonly graceMs: number
  /** The longest that a client which has been faster may then send or read nothing, in milliseconds. */
  readonly maxLeadMs: number
}

/**
 * Measures one direction of a connection against a minimum rate. The client has a lead in milliseconds: waiting for it
 * uses the lead up, and each byte adds the time that it may take. A client that drips bytes runs out of its lead, and one
 * that pauses after a megabyte does not. While nothing is expected of the client, no time is counted.
 *
 * Kestrel's MinRequestBodyDataRate takes the average over a whole body instead, which lets a client drip for hours behind
 * a fast beginning.
 */
export class Pace {
  #bytes = 0
  #at = 0
  #leadMs = Number.NaN

  /**
   * Notes how far the client has come.
   *
   * @param bytes that it has sent or read since it connected
   * @param waits whether the gateway waits for the client
   * @returns whether its lead is used up
   */
  isTooSlow(bytes: number, waits: boolean, now: number, limit: PaceLimit): boolean {
    const { minBytesPerSecond, graceMs, maxLeadMs } = limit
    if (Number.isNaN(this.#leadMs)) this.#leadMs = graceMs
    const gained = ((bytes - this.#bytes) * 1_000) / minBytesPerSecond
    const used = waits && this.#at > 0 ? now - this.#at : 0
    this.#bytes = bytes
    this.#at = waits ? now : 0
    this.#leadMs = Math.min(Math.max(graceMs, maxLeadMs), this.#leadMs - used + gained)
    if (!waits && this.#leadMs < graceMs) this.#leadMs = graceMs
    return this.#leadMs < 0
  }
}
