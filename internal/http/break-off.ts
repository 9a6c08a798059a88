import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends an answer in its middle, and the client's connection with it, so that it never looks whole. An answer whose turn
 * has not come, since earlier ones on the connection are under way, ends it when theirs are over: destroyed at once, it
 * would never be told that its turn has come, and the connection would stay open for ever.
 *
 * @param hasLength whether the client was told a length. Where neither that nor chunks tell it the end (HTTP/1.0 has no
 *   chunks), the end of the connection would, and only a reset says that something is missing
 */
export function breakOff(response: ServerResponse, hasLength: boolean): void {
  const { socket } = response
  if (socket) end(response, socket, hasLength)
  else if (!response.destroyed) response.once('socket', assigned => end(response, assigned, hasLength))
}

function end(response: ServerResponse, socket: Socket, hasLength: boolean): void {
  if (!hasLength && !response.chunkedEncoding) socket.resetAndDestroy()
  response.destroy()
}
