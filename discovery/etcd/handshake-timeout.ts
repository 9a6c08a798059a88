import type { Socket } from 'node:net'
import { ChannelCredentials } from '@grpc/grpc-js'

type CreateConnector = ChannelCredentials['_createSecureConnector']

/** From the TCP connection to the first byte; an etcd that lives says it within a round trip. */
const GREETING_MS = 2_000

/**
 * Gives up new connections on which nobody speaks. grpc-js waits for an HTTP/2 greeting for ever and lets
 * every later call wait for it too, so that a store whose network accepts connections while nobody is behind
 * them, as a load balancer does, would not be found again for good. The rest is as `inner` has it.
 */
export class GreetedCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials
  readonly #withinMs: number

  constructor(inner: ChannelCredentials, withinMs: number = GREETING_MS) {
    super()
    this.#inner = inner
    this.#withinMs = withinMs
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure()
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other
  }

  override _createSecureConnector(...args: Parameters<CreateConnector>): ReturnType<CreateConnector> {
    const connector = this.#inner._createSecureConnector(...args)
    return {
      connect: socket => {
        giveUpWhenMute(socket, this.#withinMs)
        return connector.connect(socket)
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    }
  }
}

function giveUpWhenMute(socket: Socket, withinMs: number): void {
  const timer = setTimeout(() => {
    if (socket.bytesRead === 0) socket.destroy(new Error(`not a byte within ${withinMs} ms`))
  }, withinMs)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
