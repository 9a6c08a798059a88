import { connect, type OnReadOpts, type Socket } from 'node:net'

export interface SocketOptions {
  readonly host: string
  readonly port: number
  /** For a name to be looked up and the connection to be made. */
  readonly timeoutMs: number
  /** Where what is read goes, instead of the socket's stream. */
  readonly onread?: OnReadOpts
}

/** After this long without traffic, TCP asks whether the other side is still there. */
const TCP_KEEP_ALIVE_MS = 60_000

/**
 * Makes a TCP connection. `done` is called once, with a connected socket, which is then its caller's to destroy, or
 * with why there is none.
 */
export function openSocket(
  { host, port, timeoutMs, onread }: SocketOptions,
  done: (error: Error | undefined, socket: Socket) => void,
): Socket {
  const socket = connect({
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    ...(onread && { onread }),
  })
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no connection to ${host}:${port} within ${timeoutMs} ms`))
  }, timeoutMs)
  const settle = (error?: Error) => {
    clearTimeout(timer)
    socket.off('error', settle).off('connect', settle).off('close', onClose)
    done(error, socket)
  }
  // Destroyed by its caller before it was connected.
  const onClose = () => settle(new Error('the connection was given up'))
  return socket.on('error', settle).on('connect', settle).on('close', onClose)
}
