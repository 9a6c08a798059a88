import { channel } from 'node:diagnostics_channel'
import { Server } from 'node:net'
import { untilCaughtUp } from '../../routes/public/http1/drain-backlog.ts'

/** A listening socket of node:cluster. */
interface Handle {
  onconnection: (error: number, connection: unknown) => void
  close(): void
}

const listening = channel('tracing:net.server.listen:asyncEnd')

/**
 * The sockets on which node:cluster accepts connections for workers. node:cluster closes one when the last worker has
 * stopped listening, and then has no worker for the connections that it accepted in the meantime. So they are closed
 * here, before the workers stop. If none is found, node:cluster's own behaviour remains.
 */
export class SharedListeners {
  readonly #handles: Handle[] = []

  /** Collects the sockets opened from now on. */
  constructor() {
    listening.subscribe(this.#onListening)
  }

  /** Accepts the connections that are already pending, then closes the sockets. */
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
    // Closing twice does no harm, so node:cluster may close them again.
    for (const handle of this.#handles.splice(0)) handle.close()
  }

  readonly #onListening = (message: unknown): void => {
    const { server } = message as { readonly server: Server & { readonly _handle?: Handle | null } }
    // node:cluster uses a plain net.Server and keeps its handle; all other servers of this process are HTTP servers.
    if (server._handle && Object.getPrototypeOf(server) === Server.prototype)
      this.#handles.push(server._handle)
  }
}
