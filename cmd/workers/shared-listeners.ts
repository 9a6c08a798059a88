import { channel } from 'node:diagnostics_channel'
import { Server } from 'node:net'
import { untilCaughtUp } from '../../routes/public/http1/drain-backlog.ts'

/** A listening socket as node:cluster holds it. */
interface Handle {
  onconnection: (error: number, connection: unknown) => void
  close(): void
}

const listening = channel('tracing:net.server.listen:asyncEnd')

/**
 * The sockets on which node:cluster accepts connections for workers. It closes one when the last worker has said that it
 * takes none, and has nobody then for those that it has accepted meanwhile. So they are closed here, before workers are
 * told to go. Where this finds none, all is as node:cluster has it.
 */
export class SharedListeners {
  readonly #handles: Handle[] = []

  /** Those from now on. */
  constructor() {
    listening.subscribe(this.#onListening)
  }

  /** Accepts what has come, then nothing more. */
  async close(): Promise<void> {
    listening.unsubscribe(this.#onListening)
    let accepted = 0
    for (const handle of this.#handles) {
      const { onconnection } = handle
      handle.onconnection = (error, connection) => {
        accepted++
        onconnection(error, connection)
      }
    }
    await untilCaughtUp(() => accepted)
    // To close one that is closed does nothing, so node:cluster may do it again.
    for (const handle of this.#handles.splice(0)) handle.close()
  }

  readonly #onListening = (message: unknown): void => {
    const { server } = message as { readonly server: Server & { readonly _handle?: Handle | null } }
    // node:cluster makes a plain server, and keeps its handle; every other one of this process is one of HTTP.
    if (server._handle && Object.getPrototypeOf(server) === Server.prototype)
      this.#handles.push(server._handle)
  }
}
