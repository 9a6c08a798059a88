import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'

/** Whoever always has something to read is not waited for longer than this. */
const MAX_TURNS = 200

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

  /**
   * Resolves in a turn of the event loop in which neither a connection nor a request came: all that had come by then
   * is accepted and read. What comes until the caller has closed something is microseconds late, not as much as this
   * process was busy.
   */
  async caughtUp(): Promise<void> {
    let before: number
    let turns = 0
    do {
      before = this.#came
      await nextTurn()
      // The first turn may have begun before the call; the second cannot.
      await nextTurn()
    } while (this.#came !== before && ++turns < MAX_TURNS)
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
