import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import type { WebSocketOptions } from './websocket.ts'

export interface LateWebSocketOptions extends WebSocketOptions {
  /** Told why WebSockets cannot be served. */
  readonly onInternalError: (error: unknown) => void
}

/**
 * Mounts what serves WebSockets when the first one comes: with its HTTP client it takes 6 MB, which most gateways need
 * never. It is a Fastify of its own, since one that listens takes no plugin any more.
 *
 * @returns what breaks off every WebSocket that is still there
 */
export function mountWebSocketsLate(app: FastifyInstance, options: LateWebSocketOptions): () => void {
  let mounting: Promise<FastifyInstance> | undefined
  let mounted: FastifyInstance | undefined
  let cutOff = () => {}

  async function mount(): Promise<FastifyInstance> {
    const { mountWebSockets } = await import('./websocket.ts')
    const own = Fastify({ logger: false, serverFactory, routerOptions: { maxParamLength: 65_536 } })
    cutOff = mountWebSockets(own, options)
    await own.ready()
    mounted = own
    return own
  }

  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (mounted) {
      mounted.server.emit('upgrade', request, socket, head)
      return
    }
    // Node has taken its own listener away, and an error that nobody hears ends the process.
    const ignore = () => {}
    socket.on('error', ignore)
    mounting ??= mount()
    mounting.then(
      own => {
        own.server.emit('upgrade', request, socket, head)
        socket.off('error', ignore)
      },
      error => {
        // Such as a file that is gone since the package was replaced. What else is served goes on.
        mounting = undefined
        options.onInternalError(error)
        socket.destroy()
      },
    )
  })
  let closing: Promise<unknown> | undefined
  app.addHook('preClose', done => {
    // What it waits for are the WebSockets; the rest of the server must not.
    closing = mounting?.then(
      own => own.close(),
      () => {},
    )
    done()
  })
  app.addHook('onClose', async () => void (await closing))
  return () => cutOff()
}

/** A server that never listens: upgrades are handed to it. */
function serverFactory(serve: (request: IncomingMessage, response: ServerResponse) => void) {
  return process.getBuiltinModule('node:http').createServer(serve)
}
