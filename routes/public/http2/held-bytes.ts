/** A stream whose client may send more of its body. */
export interface Creditor {
  consume(bytes: number): void
}

/**
 * What a session holds of bodies, because nodes or its client do not take them. While that is more than its share, windows
 * do not go back to the client.
 */
export class HeldBytes {
  bytes = 0
  readonly #onChange: (more: number) => void
  readonly #isOverShare: (bytes: number) => boolean
  /** The windows that are owed to the client, by stream. */
  readonly #owed = new Map<Creditor, number>()

  /**
   * @param onChange called with how many bytes more are held; may be negative
   * @param isOverShare returns whether a session that holds so many bytes may hold no more
   */
  constructor(onChange: (more: number) => void, isOverShare: (bytes: number) => boolean) {
    this.#onChange = onChange
    this.#isOverShare = isOverShare
  }

  /** Whether the session may hold no more. */
  get isOverShare(): boolean {
    return this.#isOverShare(this.bytes)
  }

  add(more: number): void {
    this.bytes += more
    this.#onChange(more)
  }

  /** Lets the client send so many more bytes of a body, now or later. */
  giveBack(stream: Creditor, bytes: number): void {
    if (this.isOverShare) this.#owed.set(stream, (this.#owed.get(stream) ?? 0) + bytes)
    else {
      stream.consume(bytes)
      if (this.#owed.size > 0) this.#settle()
    }
  }

  /** Gives back what is owed, if the session may hold more again. */
  settleIfAllowed(): void {
    if (this.#owed.size > 0 && !this.isOverShare) this.#settle()
  }

  #settle(): void {
    for (const [stream, bytes] of this.#owed) stream.consume(bytes)
    this.#owed.clear()
  }
}
