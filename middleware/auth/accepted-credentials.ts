/** Longer ones are checked each time: the default capacity of them would take more than 80 MB. */
const MAX_LENGTH = 8_192

/** Remembers accepted credentials, so that they are not checked again. The oldest are evicted first. */
export class AcceptedCredentials<T> {
  readonly #capacity: number
  readonly #accepted = new Map<string, T>()

  /** @param capacity how many are remembered at most; 0 = none */
  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(credential: string): T | undefined {
    return this.#accepted.get(credential)
  }

  add(credential: string, value: T): void {
    if (this.#capacity === 0 || credential.length > MAX_LENGTH) return
    // A Map iterates in insertion order.
    if (this.#accepted.size >= this.#capacity) this.#accepted.delete(this.#accepted.keys().next().value!)
    this.#accepted.set(credential, value)
  }

  delete(credential: string): void {
    this.#accepted.delete(credential)
  }
}
