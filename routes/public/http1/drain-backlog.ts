import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import type { SecuredSocket } from '../tls/tls-server.ts'

/** By each of these, Node's server tells of a request: of one that expects something or asks for an upgrade, by no other. */
const REQUEST_EVENTS = ['request', 'checkContinue', 'checkExpectation', 'upgrade', 'connect']

/** The longest wait for a backlog that never becomes empty. */
const MAX_CATCH_UP_MS = 2_000

/**
 * Resolves after a turn of the event loop in which nothing arrived: everything that the system held for this process by
 * then was accepted (one connection a turn) and read. Gives up after two seconds.
 *
 * @param arrivals returns how many connections and requests have arrived so far
 */
async function untilCaughtUp(arrivals: () => number): Promise<void> {
  const giveUpAt = performance.now() + MAX_CATCH_UP_MS
  let before: number
  do {
    before = arrivals()
    await nextTurn()
    // The first turn may have begun before the call; the second cannot.
    await nextTurn()
  } while (arrivals() !== before && performance.now() < giveUpAt)
}

/**
 * Reads what the system already holds for a server before its connections are closed. Closing a connection on which an
 * unread request has arrived resets it, and a client may not repeat a POST whose outcome it does not know.
 *
 * Does not need to be closed: it ends with the server.
 */
export class DrainBacklog {
  /** Connections accepted since this object was created that have not sent a request. */
  readonly #silent = new Set<Socket>()
  /** Connections and requests that have arrived since this object was created. */
  #arrivals = 0
  #onHeard: () => void = () => {}

  constructor(servers: readonly Server[]) {
    for (const server of servers) {
      server.on('connection', this.#onConnection)
      for (const event of REQUEST_EVENTS) {
        // To a server without a listener for it, the event is a plain request.
        if (server.listenerCount(event) > 0) server.on(event, this.#onRequest)
      }
    }
  }

  /** Resolves when everything that has arrived is accepted and read, see `untilCaughtUp`. */
  caughtUp(): Promise<void> {
    return untilCaughtUp(() => this.#arrivals)
  }

  /** Resolves when every connection accepted since has sent a request or ended; after `withinMs` at the latest. */
  async heard(withinMs: number): Promise<void> {
    if (this.#silent.size === 0) return
    const all = new Promise<void>(resolve => {
      this.#onHeard = resolve
    })
    await Promise.race([all, delay(withinMs, undefined, { ref: false })])
  }

  /** Notes the first request on a connection that is no longer the server's, because it speaks HTTP/2. */
  arrived(socket: Socket): void {
    this.#arrivals++
    this.#noLongerSilent(socket)
  }

  readonly #onConnection = (socket: Socket): void => {
    this.#arrivals++
    this.#silent.add(socket)
    socket.once('close', () => this.#noLongerSilent(socket))
  }

  readonly #onRequest = ({ socket }: IncomingMessage): void => this.arrived(socket)

  #noLongerSilent(socket: Socket): void {
    // A connection with TLS was noted before its handshake.
    this.#silent.delete((socket as SecuredSocket)._parent ?? socket)
    if (this.#silent.size === 0) this.#onHeard()
  }
}
