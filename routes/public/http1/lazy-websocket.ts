import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import type { WebSocketOptions } from './websocket.ts'

export interface LazyWebSocketOptions extends WebSocketOptions {
  /** Called with the reason when WebSockets cannot be served. */
  readonly onInternalError: (error: unknown) => void
}

/**
 * Mounts the WebSocket plugin when the first handshake arrives: with its HTTP client it takes 6 MB, which most gateways
 * never need. It runs in a Fastify of its own, because one that listens accepts no further plugins.
 *
 * @returns a function that ends every open WebSocket at once
 */
export function mountWebSocketsLazily(app: FastifyInstance, options: LazyWebSocketOptions): () => void {
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
    // Node has removed its own listener, and an error without one ends the process.
    const ignore = () => {}
    socket.on('error', ignore)
    mounting ??= mount()
    mounting.then(
      own => {
        own.server.emit('upgrade', request, socket, head)
        socket.off('error', ignore)
      },
      error => {
        // For example, a file is gone because the package was replaced. Everything else is still served.
        mounting = undefined
        options.onInternalError(error)
        socket.destroy()
      },
    )
  })
  let closing: Promise<unknown> | undefined
  app.addHook('preClose', done => {
    // Closing waits for open WebSockets; the rest of the server must not wait for that.
    closing = mounting?.then(
      own => own.close(),
      () => {},
    )
    done()
  })
  app.addHook('onClose', async () => void (await closing))
  return () => cutOff()
}

/** Creates a server that never listens: upgrades are handed to it. */
function serverFactory(serve: (request: IncomingMessage, response: ServerResponse) => void) {
  return process.getBuiltinModule('node:http').createServer(serve)
}
