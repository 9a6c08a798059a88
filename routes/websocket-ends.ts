import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'

/** What is used of the two `ws` sockets that @fastify/http-proxy joins. */
export interface End extends EventEmitter {
  readonly bufferedAmount: number
  readonly isPaused: boolean
  readonly readyState: number
  pause(): void
  resume(): void
  close(code?: number, reason?: string): void
  terminate(): void
}

const CONNECTING = 0
/** What a socket says of an end without a close frame, or with one that has no code; neither may be sent. */
const NO_CODE = 1005
const BROKEN_OFF = 1006
/** Of messages that the other side has not taken yet; beyond it nothing more is read. */
const MAX_WAITING_BYTES = 1024 * 1024

/** The plugin turns an end without a code into codes of its own; here it stays what it was. */
export function passBareClose(from: End, to: End): void {
  from.prependOnceListener('close', (code: number) => {
    if (code === NO_CODE) to.close()
    else if (code === BROKEN_OFF) to.terminate()
  })
}

/** Stops reading from one end while the other has enough to take. The plugin itself would hold all of it. */
export function holdBack(from: End, to: End, wire: Socket): void {
  if (from.isPaused) return
  const resume = () => from.resume()
  if (to.readyState === CONNECTING) {
    from.pause()
    to.once('open', resume).once('close', resume)
  } else if (to.bufferedAmount > MAX_WAITING_BYTES) {
    from.pause()
    wire.once('drain', resume)
  }
}
