const CHANGES = 500
/** The texts of all changes together, in characters. */
const MAX_TOTAL = 1_048_576

/** The texts of a change; null = there was no value, or it is not shown. */
export interface ChangedTexts {
  readonly before: string | null
  readonly after: string | null
}

/** The last 500 changes, or fewer when their texts have more than a mebibyte of characters together. */
export class ChangeLog<Change extends ChangedTexts> {
  readonly #changes: Change[] = []
  #total = 0

  add(change: Change): void {
    this.#changes.push(change)
    this.#total += lengthOf(change)
    while (this.#changes.length > CHANGES || this.#total > MAX_TOTAL) {
      this.#total -= lengthOf(this.#changes.shift()!)
    }
  }

  /** Returns at most `limit` changes, the latest first. */
  latest(limit: number): Change[] {
    return limit > 0 ? this.#changes.slice(-limit).reverse() : []
  }
}

function lengthOf({ before, after }: ChangedTexts): number {
  return (before?.length ?? 0) + (after?.length ?? 0)
}
