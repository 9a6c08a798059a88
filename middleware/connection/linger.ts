import { Socket } from 'node:net'

/** How long a client that was told its last answer may go on sending before its connection is gone. */
const LINGER_MS = 5_000

/**
 * Ends a connection whose client may still be sending, in the stages of RFC 9112 section 9.6: to close with bytes unread
 * resets it, and who is still sending may never see what was said last.
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
