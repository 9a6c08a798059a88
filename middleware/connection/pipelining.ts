import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Exchange } from '../../internal/policy.ts'

/**
 * Requests that a client may send ahead of the answer it waits for. All of them go to nodes at once, so that one
 * connection could have thousands under way.
 */
const MAX_AHEAD = 32

/** Which request is the last on its connection although its client did not say so. It ends with the answer to it. */
export class LastRequests {
  readonly #over = new WeakSet<Socket>()
  /** How many requests were sent ahead whose turn to be answered has not come. */
  readonly #ahead = new WeakMap<Socket, number>()

  /** Whether a request came behind the last one: it may be a part of that, to whoever reads it otherwise. */
  isBehind({ socket }: IncomingMessage): boolean {
    return this.#over.has(socket)
  }

  /** Makes a request the last one where nothing behind it can be trusted, or is to be taken. */
  note({ socket }: IncomingMessage, response: ServerResponse, { refusal, head }: Exchange): void {
    // Node's parser stops behind a request that asks for an upgrade: what came in the same piece is lost, and it reads on
    // in the next one, wherever that begins.
    if (!refusal && !head.asksForUpgrade && !this.#isTooFarAhead(socket, response)) return
    this.#over.add(socket)
    response.shouldKeepAlive = false
  }

  #isTooFarAhead(socket: Socket, response: ServerResponse): boolean {
    // Its turn has come, as with all clients that wait for an answer before they go on.
    if (response.socket) return false
    const ahead = (this.#ahead.get(socket) ?? 0) + 1
    this.#ahead.set(socket, ahead)
    response.once('socket', () => this.#ahead.set(socket, this.#ahead.get(socket)! - 1))
    return ahead >= MAX_AHEAD
  }
}
