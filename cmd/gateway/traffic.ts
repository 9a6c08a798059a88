/** Counts the requests in flight on the public listener, and says whether the gateway is draining. */
export class Traffic {
  #open = 0
  #webSockets = 0
  #hasServed = false
  /** Whether clients are asked to leave, because this process is about to stop. */
  isDraining = false

  /** Requests and WebSockets in flight. */
  get open(): number {
    return this.#open
  }

  /** Requests in flight, without WebSockets. */
  get requests(): number {
    return this.#open - this.#webSockets
  }

  /** Whether any request has arrived yet. */
  get hasServed(): boolean {
    return this.#hasServed
  }

  opened(): void {
    this.#hasServed = true
    this.#open++
  }

  /** Notes that a request in flight has become a WebSocket. */
  upgraded(): void {
    this.#webSockets++
  }

  closed(wasWebSocket: boolean): void {
    this.#open--
    if (wasWebSocket) this.#webSockets--
  }
}
