/** The part of `ws` that tests use. It has no types of its own. */
declare module 'ws' {
  import type { IncomingMessage } from 'node:http'
  import type { Duplex } from 'node:stream'

  export interface ServerSocket {
    on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    send(data: Buffer, options: { readonly binary: boolean }): void
  }

  export class WebSocketServer {
    constructor(options: { readonly noServer: true; readonly perMessageDeflate?: boolean })
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      onOpen: (socket: ServerSocket) => void,
    ): void
  }
}
