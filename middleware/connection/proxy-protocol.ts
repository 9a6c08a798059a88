import type { Socket } from 'node:net'
import { type HeaderFault, readProxyHeader, type ToldClient } from '../../internal/http/proxy-header.ts'
import { OnceAMinute } from '../../internal/once-a-minute.ts'
import { canonicalAddress, createAddressRanges, plainAddress } from '../request/client-address.ts'
import type { ClientConnections } from './client-connections.ts'

export interface ProxyProtocolOptions {
  /** Addresses and CIDR ranges whose connections must begin with a header. */
  readonly from: readonly string[]
  /** How long a connection may take to send its whole header, in milliseconds. */
  readonly timeoutMs: number
  /** Where connections are registered: at once, and for their clients once these are known. */
  readonly connections: Pick<ClientConnections, 'accept' | 'hold' | 'identify'>
  /** Called with a connection that was refused and the address at its other end, at most once a minute for each reason. */
  readonly onRefused: (reason: HeaderRefusal, address: string) => void
}

/** `late`: the header was not complete in time. */
export type HeaderRefusal = HeaderFault | 'late'

/** An undocumented field of a socket. */
interface SocketWithHandle {
  readonly _handle?: { getpeername?: (out: object) => number } | null
}

/** How long the headers were that connections began with. */
const headerBytes = new WeakMap<Socket, number>()

/** Returns how many of the bytes that were read from a connection are its header of the PROXY protocol; 0 = it had none. */
export function proxyHeaderBytes(socket: Socket): number {
  return headerBytes.get(socket) ?? 0
}

/**
 * Reads the header of the PROXY protocol with which load balancers begin a connection, and lets its socket have the address
 * of the client. Whether there must be a header depends on the address at the other end alone, never on what arrives.
 */
export class ProxyProtocol {
  readonly #options: ProxyProtocolOptions
  readonly #isSender: (address: string) => boolean
  /** Connections whose header is not complete. */
  readonly #pending = new Set<Socket>()
  readonly #reports = new OnceAMinute<HeaderRefusal>()
  /** Connections refused since the start, by reason. */
  readonly refused = { missing: 0, invalid: 0, 'too-long': 0, late: 0 }

  /** @throws RangeError when an entry of `from` is neither an address nor a CIDR range */
  constructor(options: ProxyProtocolOptions) {
    this.#options = options
    this.#isSender = createAddressRanges(options.from)
  }

  /**
   * Registers a connection that was just accepted and of which nothing has been read. Destroys it when there is no room for
   * it, or when it must begin with a header and does not.
   *
   * @param proceed is called once the client is known and may have the connection. It hands the socket to a server, by
   *   `server.emit('connection', socket)` or the like, before it returns. `remoteAddress`, `remotePort` and `remoteFamily` of
   *   the socket are then those of the client, also for a TLS socket around it. What came behind the header is back in the
   *   socket.
   */
  accept(socket: Socket, proceed: () => void): void {
    const { connections } = this.#options
    const { remoteAddress } = socket
    // The other side has left already. Nobody can say whether it had to send a header.
    if (remoteAddress === undefined) socket.destroy()
    else if (!this.#isSender(plainAddress(remoteAddress))) {
      if (connections.accept(socket)) proceed()
    } else if (connections.hold(socket)) {
      this.#read(socket, () => {
        if (connections.identify(socket)) proceed()
      })
    }
  }

  /** Ends all connections whose header is not complete. */
  endPending(): void {
    for (const socket of this.#pending) socket.destroy()
  }

  #read(socket: Socket, proceed: () => void): void {
    let received: Buffer = Buffer.alloc(0)
    const onReadable = () => {
      const piece: Buffer | null = socket.read()
      if (piece === null) return
      received = received.length === 0 ? piece : Buffer.concat([received, piece])
      const header = readProxyHeader(received)
      if (header.kind === 'incomplete') return
      if (header.kind === 'fault') {
        this.#refuse(socket, header.fault)
        return
      }
      letGo()
      headerBytes.set(socket, header.bytes)
      if (header.client) tell(socket, header.client)
      if (received.length > header.bytes) socket.unshift(received.subarray(header.bytes))
      proceed()
    }
    const onEnd = () => {
      // A check of whether the port is open sends nothing.
      if (received.length === 0) socket.destroy()
      else this.#refuse(socket, 'invalid')
    }
    const letGo = () => {
      this.#pending.delete(socket)
      clearTimeout(timer)
      socket.off('readable', onReadable).off('end', onEnd).off('error', ignore).off('close', letGo)
    }
    // What came while the process stood still is read before this turn ends.
    const timer = setTimeout(() => setImmediate(onLate), this.#options.timeoutMs)
    const onLate = () => {
      if (this.#pending.has(socket)) this.#refuse(socket, 'late')
    }
    this.#pending.add(socket)
    // A listener for 'data' would have to be removed while the stream flows, and what is put back would be lost.
    socket.on('readable', onReadable).on('end', onEnd).on('error', ignore).on('close', letGo)
  }

  #refuse(socket: Socket, reason: HeaderRefusal): void {
    if (socket.destroyed) return
    this.refused[reason]++
    const address = plainAddress(socket.remoteAddress)
    socket.destroy()
    if (this.#reports.isDue(reason, performance.now())) this.#options.onRefused(reason, address)
  }
}

function ignore(): void {}

/** Lets a socket have the address of its client. */
function tell(socket: Socket & SocketWithHandle, client: ToldClient): void {
  const address = canonicalAddress(client.address)
  const told = { address, port: client.port, family: address.includes(':') ? 'IPv6' : 'IPv4' }
  Object.defineProperties(socket, {
    remoteAddress: { value: told.address },
    remotePort: { value: told.port },
    remoteFamily: { value: told.family },
  })
  // A TLS socket asks the handle of the socket below it.
  if (socket._handle)
    socket._handle.getpeername = out => {
      Object.assign(out, told)
      return 0
    }
}
