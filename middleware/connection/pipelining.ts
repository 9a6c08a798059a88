import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Exchange } from '../../internal/policy.ts'

/**
 * Requests that a client may send ahead of the answer it waits for. All of them go to nodes at once, so without a limit
 * one connection could have thousands in flight.
 */
const MAX_AHEAD = 32

/** Decides which request is the last on its connection, even if its client did not ask for that. */
export class LastRequests {
  readonly #hasLast = new WeakSet<Socket>()
  /** By connection, the number of requests that wait for the answers to earlier ones. */
  readonly #ahead = new WeakMap<Socket, number>()

  /**
   * Returns whether a request follows the last one of its connection. Such a request is not served: to another parser, its
   * bytes might be a part of the request before.
   */
  isAfterLast({ socket }: IncomingMessage): boolean {
    return this.#hasLast.has(socket)
  }

  /** Makes a request the last one of its connection if what follows it cannot be trusted, or too much was sent ahead. */
  markIfLast({ socket }: IncomingMessage, response: ServerResponse, { refusal, head }: Exchange): void {
    // Node's parser stops after a request that asks for an upgrade. The rest of the same piece is lost, and the parser goes
    // on at the start of the next piece, which may be in the middle of a request.
    if (!refusal && !head.asksForUpgrade && !this.#isTooFarAhead(socket, response)) return
    this.#hasLast.add(socket)
    response.shouldKeepAlive = false
  }

  #isTooFarAhead(socket: Socket, response: ServerResponse): boolean {
    // It is the next to be answered, as always when clients wait for each answer.
    if (response.socket) return false
    const ahead = (this.#ahead.get(socket) ?? 0) + 1
    this.#ahead.set(socket, ahead)
    response.once('socket', () => this.#ahead.set(socket, this.#ahead.get(socket)! - 1))
    return ahead >= MAX_AHEAD
  }
}
