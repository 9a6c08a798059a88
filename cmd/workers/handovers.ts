import type { ChildProcess, SendHandle } from 'node:child_process'

/** A connection that node:cluster hands over. */
interface Handle {
  close(): void
}

const sentTo = new WeakMap<object, ChildProcess>()
let handedOver = 0

/** Returns how many connections have been sent to workers so far. */
export function countHandedOver(): number {
  return handedOver
}

/**
 * Closes the connection that was being handed to a worker when the worker died. node:cluster hands over one connection
 * at a time, and keeps it open until the worker confirms that it took it. A dead worker never confirms, so the client
 * would wait forever.
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
    // A connection that it returned belongs to another worker now. Closing twice does no harm.
    if (last && sentTo.get(last) === worker) last.close()
  })
}

function isHandle(handle: unknown): handle is SendHandle & Handle {
  return typeof handle === 'object' && handle !== null && 'close' in handle
}
