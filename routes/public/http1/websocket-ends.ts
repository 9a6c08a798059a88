import type { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'

/** The used part of the two `ws` sockets that @fastify/http-proxy connects. */
export interface End extends EventEmitter {
  readonly isPaused: boolean
  pause(): void
  resume(): void
  close(code?: number, reason?: string): void
  terminate(): void
}

/** Codes that `ws` reports for a close frame without a code, and for an end without a close frame. Neither may be sent. */
const NO_CODE = 1005
const BROKEN_OFF = 1006
/** Bytes that the other side has not taken. With more than that, reading stops. */
const MAX_WAITING_BYTES = 1024 * 1024
/** Frames that the other side has not taken. A frame without payload has 2 bytes on the wire, and some hundred in memory. */
const MAX_WAITING_FRAMES = 4096

/** Passes an end without a code as one without a code. The plugin would send a code of its own. */
export function passBareClose(from: End, to: End): void {
  from.prependOnceListener('close', (code: number) => {
    if (code === NO_CODE) to.close()
    else if (code === BROKEN_OFF) to.terminate()
  })
}

/**
 * Reads nothing from a client before its node has accepted the handshake. The plugin would keep all that arrives in memory,
 * and drop it if the client sends a close frame meanwhile.
 */
export function readWhenOpen(client: Readable, target: End): void {
  const leave = () => target.terminate()
  const resume = () => void client.off('close', leave).resume()
  // Prepended, so that it runs before the client's WebSocket sees the end, reads the rest and passes it to the plugin.
  client.pause().prependOnceListener('close', leave)
  target.once('open', resume).once('close', resume)
}

/** Stops reading from one end while too much waits to be sent to the other. The plugin would keep all of it in memory. */
export function holdBack(from: End, wire: Writable): void {
  let waiting = 0
  const resume = () => from.resume()
  const look = () => {
    // After a close frame nothing more is written to an end, and frames for it are dropped.
    if (!wire.writableNeedDrain) waiting = 0
    else if (++waiting > MAX_WAITING_FRAMES || wire.writableLength > MAX_WAITING_BYTES) {
      if (from.isPaused) return
      from.pause()
      wire.once('drain', resume)
    }
  }
  // Added after the listeners of the plugin, so that it has passed the frame on by then.
  from.on('message', look).on('ping', look).on('pong', look)
}
