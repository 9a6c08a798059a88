import type { Socket } from 'node:net'

/** What every client of HTTP/2 sends first (RFC 9113 section 3.4). No method of HTTP/1 begins like it. */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** So many bytes of it tell it from any request of HTTP/1. */
const ENOUGH = 4

/**
 * Waits for the first bytes of a new connection, and tells which protocol they are. They stay to be read, and the socket is
 * paused. Never calls `done` for a connection that ends before it has sent enough.
 */
export function readPreface(socket: Socket, done: (protocol: 'http1' | 'http2') => void): void {
  let seen: Buffer = Buffer.alloc(0)
  const read = (bytes: Buffer) => {
    seen = Buffer.concat([seen, bytes])
    const length = Math.min(seen.length, PREFACE.length)
    const isPreface = seen.subarray(0, length).equals(PREFACE.subarray(0, length))
    if (isPreface && length < ENOUGH) return
    socket.off('data', read)
    socket.pause()
    socket.unshift(seen)
    done(isPreface ? 'http2' : 'http1')
  }
  socket.on('data', read)
  // A connection can break before its reader is loaded. Without this listener the error would end the process.
  socket.on('error', () => {})
}
