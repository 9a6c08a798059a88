import type { ChildProcess, SendHandle } from 'node:child_process'

/** A connection as node:cluster hands it over. */
interface Handle {
  close(): void
}

const sentTo = new WeakMap<object, ChildProcess>()
let handedOver = 0

/** Connections that were sent to workers so far. */
export function countHandedOver(): number {
  return handedOver
}

/**
 * Ends the connection that was on its way to a worker when the worker died. node:cluster hands over one at a time,
 * and keeps it open until the worker has said that it took it; of one that dies it waits for that for ever, and so
 * would the client.
 */
export function endUntakenConnection(worker: ChildProcess): void {
  let last: (SendHandle & Handle) | undefined
  const send = worker.send
  worker.send = function (this: ChildProcess, message: unknown, handle?: unknown, ...rest: unknown[]) {
    if (isHandle(handle)) {
      last = handle
      handedOver++
      sentTo.set(handle, worker)
    }
    return Reflect.apply(send, this, [message, handle, ...rest])
  } as typeof send
  worker.once('exit', () => {
    // One that it gave back is another worker's now. To close one that is closed does nothing.
    if (last && sentTo.get(last) === worker) last.close()
  })
}

function isHandle(handle: unknown): handle is SendHandle & Handle {
  return typeof handle === 'object' && handle !== null && 'close' in handle
}
