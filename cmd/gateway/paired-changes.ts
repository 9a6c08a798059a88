/** How long the other half of a transaction may take. */
const TRANSACTION_MS = 50

/** Routes, and the policy sets that they name. */
export type Half = 'routes' | 'policies'

export interface PairedChangesOptions {
  /** Returns the revision of the registry that a half shows. */
  readonly revisionOf: (half: Half) => bigint
  /** Whether a change of one half may belong to one of the other that is still on its way. */
  readonly mayBePaired: () => boolean
  /** Takes both halves over. */
  readonly take: () => void
  /** Whether a change is being applied, so that some of it is in place and some is not. */
  readonly isApplying: () => boolean
}

/**
 * Takes changes of routes and of policy sets over. What was changed in one transaction arrives as an event of each, so the first of
 * the two waits a moment for the other.
 */
export class PairedChanges {
  readonly #options: PairedChangesOptions
  /** Takes over a change that waits for its other half. */
  #waiting: NodeJS.Timeout | undefined
  /** Whether that has waited long enough. */
  #isDue = false

  constructor(options: PairedChangesOptions) {
    this.#options = options
  }

  /** Notes that a half has changed, which is taken over now or in a moment. */
  changed(half: Half): void {
    const { revisionOf, mayBePaired } = this.#options
    const isAlone = revisionOf(half) > revisionOf(half === 'routes' ? 'policies' : 'routes')
    if (isAlone && mayBePaired()) {
      // When the loop is late, what has arrived meanwhile is read before the timer counts.
      this.#waiting ??= setTimeout(() => setImmediate(() => this.#takeDue()), TRANSACTION_MS).unref()
    } else this.#take()
  }

  /** Whether a change waits for its other half. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined
  }

  /** Call it when all of a change was applied. */
  applied(): void {
    if (this.#isDue) this.#takeWaiting()
  }

  /** Forgets what waits. */
  close(): void {
    clearTimeout(this.#waiting)
    this.#waiting = undefined
    this.#isDue = false
  }

  /** The other half may be the change that is being applied. */
  #takeDue(): void {
    if (this.#options.isApplying()) this.#isDue = this.isWaiting
    else this.#takeWaiting()
  }

  /** Takes over what waited, unless that has been done since. */
  #takeWaiting(): void {
    if (this.#waiting !== undefined) this.#take()
  }

  #take(): void {
    this.close()
    this.#options.take()
  }
}
