import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { ClientResponse } from '../../../internal/http/client-exchange.ts'
import { allowSlowClient } from '../../../middleware/connection/client-connections.ts'

const http = process.getBuiltinModule('node:http')

/** Node's response with what the gateway needs beyond it. It has no fields of its own, private ones included. */
export class Http1Response extends http.ServerResponse implements ClientResponse {
  /** Makes a response that another server created one of this class, in place. */
  static adopt(response: ServerResponse): Http1Response {
    return Object.setPrototypeOf(response, Http1Response.prototype)
  }

  /** Ends the answer without the trailers: few HTTP/1 clients ask for them, and their libraries rarely pass them on. */
  endWithTrailers(): void {
    this.end()
  }

  sendContinue(): void {
    if (this.headersSent || this.destroyed) return
    if (this.socket) this.writeContinue()
    // Behind earlier answers on the connection, Node would put the head in front of them.
    else this.once('socket', () => this.sendContinue())
  }

  allowSlowClient(): void {
    allowSlowClient(this.req)
  }

  closeAfter(): void {
    this.shouldKeepAlive = false
  }

  /**
   * Destroys the answer and, with it, the client's connection. An answer whose turn on a pipelined connection has not
   * come is destroyed when it has: destroyed at once, its turn would never come, and the connection would stay open.
   */
  abort(isDelimited: boolean): void {
    const { socket } = this
    if (socket) breakOff(this, socket, isDelimited)
    else if (!this.destroyed) this.once('socket', assigned => breakOff(this, assigned, isDelimited))
  }
}

function breakOff(response: ServerResponse, socket: Socket, isDelimited: boolean): void {
  // Without a length or chunks (HTTP/1.0 has none), a plain end of the connection would look like the end of the body.
  if (!isDelimited && !response.chunkedEncoding) socket.resetAndDestroy()
  response.destroy()
}
