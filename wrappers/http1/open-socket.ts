import { lookup } from 'node:dns'
import { connect, isIP, type LookupFunction, type OnReadOpts, Socket } from 'node:net'

export interface SocketOptions {
  readonly host: string
  readonly port: number
  /** For a name to be looked up and the connection to be made. */
  readonly timeoutMs: number
  /** Where what is read goes, instead of the socket's stream. */
  readonly onread?: OnReadOpts
  /**
   * Whether a connection may be made to an IP address; of a name, asked of all that it stands for at this moment, so
   * that what it stands for a moment later does not matter. Default: to all.
   */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
}

/** After this long without traffic, TCP asks whether the other side is still there. */
const TCP_KEEP_ALIVE_MS = 60_000

/**
 * Makes a TCP connection. `done` is called once, with a connected socket, which is then its caller's to destroy, or
 * with why there is none.
 */
export function openSocket(
  { host, port, timeoutMs, onread, allows }: SocketOptions,
  done: (error: Error | undefined, socket: Socket) => void,
): Socket {
  const isForbidden = allows !== undefined && isIP(host) !== 0 && !allows(host, port)
  const socket = isForbidden
    ? new Socket().destroy(forbidden(host, port))
    : connect({
        host,
        port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
        ...(onread && { onread }),
        ...(allows && { lookup: lookupAllowed(allows, port) }),
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

function forbidden(host: string, port: number): Error {
  return new Error(`no connection may be made to ${host}:${port}`)
}

/** Looks a name up as ever, and finds none but the addresses that are allowed. */
function lookupAllowed(allows: (address: string, port: number) => boolean, port: number): LookupFunction {
  return (host, options, done) =>
    lookup(host, { ...options, all: true }, (error, found) => {
      const [first, ...more] = error ? [] : found.filter(({ address }) => allows(address, port))
      if (error) done(error, [])
      else if (!first) done(forbidden(host, port), [])
      else if (options.all) done(null, [first, ...more])
      else done(null, first.address, first.family)
    })
}
