import type { Socket } from 'node:net'
import { Http2Connection } from '../../internal/http2/connection.ts'
import type { Http2Stream } from '../../internal/http2/http2-stream.ts'

const WINDOW_BYTES = 16 << 20
const MAX_UNSENT_BYTES = 1 << 20

/** An HTTP/2 connection on a socket. */
export interface Speaker {
  readonly connection: Http2Connection
  /** Takes bytes that were read from the socket. What is sent meanwhile leaves in one write. */
  receive(bytes: Buffer): void
}

/**
 * Speaks HTTP/2 on a socket, as cheaply as can be, so that neither the nodes nor the load limit what is measured. The caller
 * reads the socket, and calls `connection.closed()` once it has closed.
 *
 * @param createStream for the role of the server
 */
export function speakHttp2(
  socket: Socket,
  role: 'client' | 'server',
  createStream?: () => Http2Stream,
): Speaker {
  let isReceiving = false
  let isFlushWanted = false
  const connection: Http2Connection = new Http2Connection({
    role,
    maxConcurrentStreams: 1_000,
    streamWindowBytes: WINDOW_BYTES,
    connectionWindowBytes: WINDOW_BYTES,
    maxListBytes: 16_384,
    maxFields: 256,
    mayIndex: () => true,
    now: () => performance.now(),
    events: {
      write(bytes) {
        socket.write(bytes)
        return socket.writableLength <= MAX_UNSENT_BYTES
      },
      wantsFlush() {
        isFlushWanted = true
        if (!isReceiving) process.nextTick(flush)
      },
      ...(createStream && { createStream }),
      onFatal(error) {
        console.error(error.message)
        socket.destroySoon()
      },
    },
  })
  function flush(): void {
    if (!isFlushWanted) return
    isFlushWanted = false
    connection.flush()
  }
  socket.setNoDelay(true).on('drain', () => connection.drained())
  return {
    connection,
    receive(bytes) {
      isReceiving = true
      connection.receive(bytes)
      isReceiving = false
      flush()
    },
  }
}
