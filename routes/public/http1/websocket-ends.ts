import type { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'

/** What is used of the two `ws` sockets that @fastify/http-proxy joins. */
export interface End extends EventEmitter {
  readonly isPaused: boolean
  pause(): void
  resume(): void
  close(code?: number, reason?: string): void
  terminate(): void
}

/** What a socket says of an end without a close frame, or with one that has no code; neither may be sent. */
const NO_CODE = 1005
const BROKEN_OFF = 1006
/** What the other side has not taken yet; beyond it nothing more is read. */
const MAX_WAITING_BYTES = 1024 * 1024
/** The same in frames: one without a payload is two bytes on the wire, and some hundred here. */
const MAX_WAITING_FRAMES = 4096

/** The plugin turns an end without a code into codes of its own; here it stays what it was. */
export function passBareClose(from: End, to: End): void {
  from.prependOnceListener('close', (code: number) => {
    if (code === NO_CODE) to.close()
    else if (code === BROKEN_OFF) to.terminate()
  })
}

/**
 * Reads nothing from a client before its node has agreed. The plugin would hold all that comes, and drop it when the
 * client says goodbye meanwhile.
 */
export function readWhenOpen(client: Readable, target: End): void {
  const leave = () => target.terminate()
  const resume = () => void client.off('close', leave).resume()
  // Before its WebSocket hears of the end, reads what is left, and passes it to the plugin.
  client.pause().prependOnceListener('close', leave)
  target.once('open', resume).once('close', resume)
}

/** Stops reading from one end while the other has enough to take. The plugin itself would hold all of it. */
export function holdBack(from: End, wire: Writable): void {
  let waiting = 0
  const resume = () => from.resume()
  const look = () => {
    // An end that has said goodbye takes nothing more, and what still comes for it is dropped.
    if (!wire.writableNeedDrain) waiting = 0
    else if (++waiting > MAX_WAITING_FRAMES || wire.writableLength > MAX_WAITING_BYTES) {
      if (from.isPaused) return
      from.pause()
      wire.once('drain', resume)
    }
  }
  // Behind the listeners of the plugin, which has passed it on by then.
  from.on('message', look).on('ping', look).on('pong', look)
}
