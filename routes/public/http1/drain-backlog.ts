import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { untilCaughtUp } from './caught-up.ts'

/**
 * What comes to a server in its last moments. To close a connection on which a request has come that is not read
 * yet resets it, and a client may not repeat a POST of which it does not know what became. So before a listener or
 * an idle connection is closed, what the system already holds for it is read.
 *
 * It needs nothing closed: it ends with the server.
 */
export class LateRequests {
  /** Accepted since, and nothing asked on them yet. */
  readonly #silent = new Set<Socket>()
  /** Connections and requests since. */
  #came = 0
  #onHeard: () => void = () => {}

  constructor(servers: readonly Server[]) {
    for (const server of servers) {
      server.on('connection', this.#onConnection).on('request', this.#onRequest)
    }
  }

  /** Resolves when all that has come is accepted and read, see {@link untilCaughtUp}. */
  caughtUp(): Promise<void> {
    return untilCaughtUp(() => this.#came)
  }

  /** Resolves when every connection accepted since has asked for something or has ended; at most after `withinMs`. */
  async heard(withinMs: number): Promise<void> {
    if (this.#silent.size === 0) return
    const all = new Promise<void>(resolve => {
      this.#onHeard = resolve
    })
    await Promise.race([all, delay(withinMs, undefined, { ref: false })])
  }

  readonly #onConnection = (socket: Socket): void => {
    this.#came++
    this.#silent.add(socket)
    socket.once('close', () => this.#noSilence(socket))
  }

  readonly #onRequest = ({ socket }: IncomingMessage): void => {
    this.#came++
    this.#noSilence(socket)
  }

  #noSilence(socket: Socket): void {
    this.#silent.delete(socket)
    if (this.#silent.size === 0) this.#onHeard()
  }
}
