import { lookup } from 'node:dns'
import { connect, isIP, type LookupFunction, type OnReadOpts, Socket } from 'node:net'

export interface SocketOptions {
  readonly host: string
  readonly port: number
  /** Covers resolving the name and making the connection. */
  readonly timeoutMs: number
  /** Receives the bytes that are read, instead of the socket's stream. */
  readonly onread?: OnReadOpts
  /**
   * Whether a connection may be made to an IP address. For a name, it filters the addresses of this very lookup, so a
   * name that resolves to something else a moment later cannot get around it. Default: all are allowed.
   */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
}

/** After this long without traffic, TCP probes whether the other side is still there. */
const TCP_KEEP_ALIVE_MS = 60_000

/**
 * Makes a TCP connection. `done` is called once: with a connected socket, which the caller must destroy, or with an
 * error. Destroying the returned socket before that cancels the attempt.
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
  // The caller destroyed the socket before it was connected.
  const onClose = () => settle(new Error('the connection attempt was cancelled'))
  return socket.on('error', settle).on('connect', settle).on('close', onClose)
}

function forbidden(host: string, port: number): Error {
  return new Error(`connections to ${host}:${port} are not allowed`)
}

/** Makes a `lookup` that resolves names as usual and leaves out addresses that are not allowed. */
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
