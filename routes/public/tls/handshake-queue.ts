import type { Socket } from 'node:net'

/** How many handshakes begin in one turn of the event loop. A signature of RSA takes about 1 ms, one of ECDSA a tenth. */
const PER_TURN = 4
/** More than these wait in vain: their clients have given up by the time it is their turn. */
const MAX_WAITING = 2_048

/**
 * Lets handshakes begin a few at a time, so that requests on open connections are served in between however many clients
 * connect. Those beyond a bound are closed.
 */
export class HandshakeQueue {
  readonly #begin: (socket: Socket) => void
  readonly #onRefused: () => void
  readonly #waiting: Socket[] = []
  #begunInTurn = 0
  #isScheduled = false

  /**
   * @param begin begins the handshake of a connection
   * @param onRefused is called before a connection is closed for which there is no room
   */
  constructor(begin: (socket: Socket) => void, onRefused: () => void) {
    this.#begin = begin
    this.#onRefused = onRefused
  }

  /** Begins the handshake of a connection that was just accepted, now or later. */
  add(socket: Socket): void {
    if (this.#begunInTurn < PER_TURN) {
      this.#begunInTurn++
      this.#begin(socket)
    } else if (this.#waiting.length < MAX_WAITING) {
      this.#waiting.push(socket)
    } else {
      this.#onRefused()
      socket.destroy()
    }
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#nextTurn)
  }

  readonly #nextTurn = (): void => {
    this.#begunInTurn = 0
    while (this.#waiting.length > 0 && this.#begunInTurn < PER_TURN) {
      const socket = this.#waiting.shift()!
      if (socket.destroyed) continue
      this.#begunInTurn++
      this.#begin(socket)
    }
    this.#isScheduled = this.#begunInTurn > 0
    if (this.#isScheduled) setImmediate(this.#nextTurn)
  }
}
