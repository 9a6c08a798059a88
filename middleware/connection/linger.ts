import { Socket } from 'node:net'

/** How long a client may go on sending after the last answer on its connection. */
const LINGER_MS = 5_000

/**
 * Ends a connection whose client may still be sending, in the stages of RFC 9112 section 9.6. Closing a socket that has
 * unread bytes resets the connection, and then the client may never see the last answer.
 */
export function linger(socket: Socket): void {
  if (socket.readableEnded) {
    Socket.prototype.destroySoon.call(socket)
    return
  }
  socket.end()
  const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
  socket
    .resume()
    .once('end', () => socket.destroy())
    .once('close', () => clearTimeout(timer))
}
