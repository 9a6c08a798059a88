import {
  connect,
  isIP,
  type LookupFunction,
  type OnReadOpts,
  Socket,
  type SocketConstructorOpts,
} from 'node:net'
import { isOutOfFiles } from '../../internal/upstream-failure.ts'
import { type Names, systemNames } from '../names/names.ts'
import { nodeSockets } from './node-sockets.ts'
import type { NodeTls } from './node-tls.ts'

/** Where a node is, and how it may be connected to. */
export interface SocketTarget {
  /** A name, or an IP address. */
  readonly host: string
  readonly port: number
  /** Resolves the name. Default: the names of the process. */
  readonly names?: Names | undefined
  /**
   * Whether a connection may be made to an IP address. For a name, it filters the addresses of this very lookup, so a
   * name that resolves to something else a moment later cannot get around it. Default: all are allowed.
   */
  readonly allows?: ((address: string, port: number) => boolean) | undefined
  /** Speaks TLS on the connection, which is connected once the handshake is over. Default: no TLS. */
  readonly tls?: NodeTls | undefined
}

export interface SocketOptions extends SocketTarget {
  /** Covers resolving the name, making the connection, and the handshake of TLS. */
  readonly timeoutMs: number
  /** Receives the bytes that are read, instead of the socket's stream. */
  readonly onread?: OnReadOpts
  /**
   * Is called when a write fails, which then leaves the socket open, so that what the node has sent before is still read.
   * The socket makes no further write, and the caller destroys it. Default: a failed write destroys the socket.
   */
  readonly onWriteError?: (error: Error) => void
}

const READ_BYTES = 65_536
const shared = process.platform === 'win32' ? undefined : Buffer.allocUnsafeSlow(READ_BYTES)

/** After this long without traffic, TCP probes whether the other side is still there. */
const TCP_KEEP_ALIVE_MS = 60_000
/** After this long without a connection, the next address of a name is tried (RFC 8305 section 5). */
const NEXT_ADDRESS_MS = 250

/**
 * Makes a TCP connection, or with `tls` a TLS connection. The addresses of a name are tried in turn; each but the last has
 * 250 ms. `done` is called once: with a connected socket, which the caller must destroy, or with an error, whose `code` is
 * `ETIMEDOUT` when the time is over. Destroying the returned socket before that cancels the attempt.
 */
export function openSocket(
  socketOptions: SocketOptions,
  done: (error: Error | undefined, socket: Socket) => void,
): Socket {
  const { host, port, timeoutMs, names = systemNames, onread, onWriteError, allows, tls } = socketOptions
  const isName = isIP(host) === 0
  const isForbidden = allows !== undefined && !isName && !allows(host, port)
  const options = {
    host,
    port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    ...(onread && { onread }),
    ...(isName && {
      lookup: lookUpAllowed(socketOptions),
      autoSelectFamily: true,
      autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
    }),
  }
  const socket = isForbidden
    ? new Socket().destroy(forbidden(host, port))
    : nodeSockets.open(() => {
        if (tls) return tls.connect(options, onWriteError)
        return onWriteError ? new ReadableSocket(options, onWriteError).connect(options) : connect(options)
      })
  if (isName) {
    const avoid = (address: string, _: number, __: number, error?: Error) => {
      if (!isOutOfFiles(error)) names.avoid(host, address)
    }
    socket.on('connectionAttemptFailed', avoid).on('connectionAttemptTimeout', avoid)
  }
  // Sockets of TLS take neither of these options before Node 24.
  if (tls) socket.once('connect', () => socket.setNoDelay(true).setKeepAlive(true, TCP_KEEP_ALIVE_MS))
  const connected = tls ? 'secureConnect' : 'connect'
  const timer = setTimeout(() => {
    const what = socket.connecting || !tls ? 'connection to' : 'TLS handshake with'
    const message = `no ${what} ${host}:${port} within ${timeoutMs} ms`
    socket.destroy(Object.assign(new Error(message), { code: 'ETIMEDOUT' }))
  }, timeoutMs)
  const settle = (error?: Error) => {
    // The error with which it was destroyed follows.
    if (error === undefined && socket.destroyed) return
    clearTimeout(timer)
    socket.off('error', settle).off(connected, settle).off('close', onClose)
    done(error instanceof AggregateError ? error.errors.at(-1) : error, socket)
  }
  // The caller destroyed the socket before it was connected.
  const onClose = () => settle(new Error('the connection attempt was cancelled'))
  return socket.on('error', settle).on(connected, settle).on('close', onClose)
}

type WriteCallback = (error?: Error | null) => void

/**
 * A socket that survives a failed write. A node may answer before it has read the whole request and close the connection.
 * The next write then fails while the answer is still in the receive buffer, and `net.Socket` destroys itself on the spot
 * and loses it (https://github.com/nodejs/node/issues/54366).
 */
class ReadableSocket extends Socket {
  readonly #onWriteError: (error: Error) => void
  #callback: WriteCallback = () => {}
  /** Serves all writes, since a stream makes one at a time. After a failed one it is never told, and makes no other. */
  readonly #onWritten: WriteCallback = error => {
    if (error) this.#onWriteError(error)
    else this.#callback()
  }

  constructor(options: SocketConstructorOpts, onWriteError: (error: Error) => void) {
    super(options)
    this.#onWriteError = onWriteError
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: WriteCallback): void {
    this.#callback = callback
    super._write(chunk, encoding, this.#onWritten)
  }

  override _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], callback: WriteCallback): void {
    this.#callback = callback
    super._writev!(chunks, this.#onWritten)
  }
}

function forbidden(host: string, port: number): Error {
  return new Error(`connections to ${host}:${port} are not allowed`)
}

/**
 * Makes a `lookup` that resolves names and leaves out addresses that are not allowed. Its caller asks for all addresses,
 * since it tries one after the other.
 */
function lookUpAllowed({ port, names = systemNames, allows = () => true }: SocketOptions): LookupFunction {
  return (host, _, done) => {
    names.addressesOf(host).then(
      found => {
        const allowed = found.filter(address => allows(address, port))
        if (allowed.length === 0) done(forbidden(host, port), [])
        else
          done(
            null,
            allowed.map(address => ({ address, family: isIP(address) })),
          )
      },
      error => done(error, []),
    )
  }
}

/**
 * Returns the buffer that the reads of a connection fill. All connections share one, in turn: nothing refers to it once a
 * read has been handled. With buffers of their own, a thousand connections would hold 64 MB, and each would find its
 * buffer evicted from the processor's cache. Windows fills a buffer before it reports the read, so there every connection
 * has its own.
 */
export function readBuffer(): Buffer {
  return shared ?? Buffer.allocUnsafeSlow(READ_BYTES)
}

/** Pieces up to this size are handed on as text, longer ones as bytes. */
const MAX_TEXT_BYTES = 16_384

/** Returns a part of what was read as something that stays when the buffer is filled again: latin1 text, or bytes. */
export function pieceOf(buffer: Buffer, from: number, to: number): Buffer | string {
  return to - from <= MAX_TEXT_BYTES ? buffer.toString('latin1', from, to) : copyOf(buffer, from, to)
}

/** Returns a part of what was read as bytes that stay. */
export function copyOf(buffer: Buffer, from: number, to: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(to - from)
  buffer.copy(copy, 0, from, to)
  return copy
}
