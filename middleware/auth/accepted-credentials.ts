/**
 * Credentials that were accepted, so that they need not be checked again: at most so many, the oldest going first.
 */
export class AcceptedCredentials<T> {
  readonly #capacity: number
  readonly #accepted = new Map<string, T>()

  /** @param capacity 0 = none is remembered */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(credential: string): T | undefined {
    return this.#accepted.get(credential)
  }

  add(credential: string, what: T): void {
    if (this.#capacity === 0) return
    // A Map keeps the order in which keys came.
    if (this.#accepted.size >= this.#capacity) this.#accepted.delete(this.#accepted.keys().next().value!)
    this.#accepted.set(credential, what)
  }

  delete(credential: string): void {
    this.#accepted.delete(credential)
  }
}
