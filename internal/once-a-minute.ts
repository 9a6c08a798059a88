const MINUTE_MS = 60_000

/**
 * Decides which of many events of the same kind are reported: the first, and then one a minute. What every client can cause at
 * will must not fill the log.
 */
export class OnceAMinute<Kind> {
  readonly #reportedAt = new Map<Kind, number>()

  /**
   * Whether an event is to be reported. If so, others of its kind are not for a minute.
   *
   * @param kind of few, since each is remembered
   * @param now milliseconds on the monotonic clock
   */
  isDue(kind: Kind, now: number): boolean {
    const before = this.#reportedAt.get(kind)
    if (before !== undefined && now - before < MINUTE_MS) return false
    this.#reportedAt.set(kind, now)
    return true
  }
}
