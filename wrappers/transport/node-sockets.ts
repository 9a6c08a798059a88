import { Socket } from 'node:net'
import { QuietError } from '../../internal/http/quiet-error.ts'
import { OnceAMinute } from '../../internal/once-a-minute.ts'
import { isOutOfFiles } from '../../internal/upstream-failure.ts'
import { sweeper } from './sweeper.ts'

/**
 * Counts the sockets to nodes, so that they do not take the last file descriptors of the process. There is one object, as
 * the process has one limit.
 */
class NodeSockets {
  readonly #open = new Set<Socket>()
  readonly #reports = new OnceAMinute<'lacked'>()
  /** How many sockets there may be at the same time. */
  max = Number.POSITIVE_INFINITY
  /** How often there was no file descriptor for a socket. */
  outOfFiles = 0
  /**
   * Called when there was no file descriptor for a socket, at most once a minute.
   *
   * @param code `EMFILE` of this process, `ENFILE` of the system, or another code of that kind
   * @param open the number of sockets to nodes
   */
  onOutOfFiles: (code: string, open: number) => void = () => {}

  /**
   * Opens a socket. When there is no room for it, idle connections to nodes are closed first; without any, the socket that
   * is returned fails.
   */
  open(connect: () => Socket): Socket {
    if (this.#open.size >= this.max && !this.#makeRoom()) {
      const error = new NoFileLeft()
      this.#lacked(error.code)
      return new Socket().destroy(error)
    }
    const socket = connect()
    this.#open.add(socket)
    return socket.once('close', () => {
      this.#open.delete(socket)
      if (isOutOfFiles(socket.errored)) this.#lacked(socket.errored.code)
    })
  }

  #makeRoom(): boolean {
    this.#forgetDestroyed()
    if (this.#open.size >= this.max && sweeper.closeOldest()) this.#forgetDestroyed()
    return this.#open.size < this.max
  }

  /** Their descriptors are free at once, and their `close` events come later. */
  #forgetDestroyed(): void {
    for (const socket of this.#open) if (socket.destroyed) this.#open.delete(socket)
  }

  #lacked(code: string): void {
    this.outOfFiles++
    if (this.#reports.isDue('lacked', performance.now())) this.onOutOfFiles(code, this.#open.size)
  }
}

export const nodeSockets = new NodeSockets()

class NoFileLeft extends QuietError {
  readonly code = 'EMFILE'

  constructor() {
    super('no file descriptor is left for a connection to a node')
  }
}
