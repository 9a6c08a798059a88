import type { Socket } from 'node:net'
import { ChannelCredentials } from '@grpc/grpc-js'

type CreateConnector = ChannelCredentials['_createSecureConnector']

/** The time from the TCP connection to the first byte. A healthy etcd sends it within a round trip. */
const GREETING_MS = 2_000

/**
 * Credentials that close a new connection when the server sends nothing. grpc-js waits for the HTTP/2
 * greeting without a limit, and lets every later call wait for it too. A load balancer that accepts
 * connections while no etcd is behind it would therefore block the client for good. Everything else is
 * delegated to `inner`.
 */
export class GreetedCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials

  constructor(inner: ChannelCredentials) {
    super()
    this.#inner = inner
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
        giveUpWhenMute(socket)
        return connector.connect(socket)
      },
      waitForReady: () => connector.waitForReady(),
      getCallCredentials: () => connector.getCallCredentials(),
      destroy: () => connector.destroy(),
    }
  }
}

function giveUpWhenMute(socket: Socket): void {
  const timer = setTimeout(() => {
    if (socket.bytesRead === 0) socket.destroy(new Error(`the server sent nothing within ${GREETING_MS} ms`))
  }, GREETING_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
}
