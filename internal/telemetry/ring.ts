/** Keeps the latest items, up to a fixed number. */
export class Ring<Item> {
  readonly #items: Item[] = []
  readonly #size: number
  /** Where the next item goes, once the ring is full. */
  #next = 0

  constructor(size: number) {
    this.#size = size
  }

  push(item: Item): void {
    if (this.#items.length < this.#size) {
      this.#items.push(item)
      return
    }
    this.#items[this.#next] = item
    this.#next = this.#next + 1 === this.#size ? 0 : this.#next + 1
  }

  /** Yields the items, the latest first. */
  *newestFirst(): Generator<Item> {
    const { length } = this.#items
    for (let i = 1; i <= length; i++) yield this.#items[(this.#next - i + 2 * length) % length]!
  }
}
