import { fstatSync } from 'node:fs'
import type { AddressInfo, Server } from 'node:net'
import { tlsPortOf } from '../../config/load/tls-rules.ts'
import type { Config } from '../../config/schema.ts'
import { QuietError } from '../../internal/http/quiet-error.ts'

const LISTENERS = ['public', 'tls', 'admin'] as const
type ListenerName = (typeof LISTENERS)[number]

/** The file descriptors of sockets that listen already, by the listener that each is for. */
export type InheritedSockets = Readonly<Partial<Record<ListenerName, number>>>

/** A service manager passes sockets that this process cannot use. */
export class SocketsError extends QuietError {
  override readonly name = 'SocketsError'
}

/** The first descriptor that is passed, after those of standard input, output and error. */
const FIRST_FD = 3
const VARIABLES = ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'] as const

/**
 * Takes the sockets that systemd, or whatever else follows its protocol (sd_listen_fds(3)), has opened for this process, and
 * removes the variables that name them from the environment, since they are not for processes that this one starts.
 * Sockets for another process are none for this one. They stay open: systemd keeps its own copies, so connections wait in
 * them while this program is restarted.
 *
 * @throws SocketsError when a socket has a name that no listener has, two have the same, or their number is none
 */
export function takeSockets(env: NodeJS.ProcessEnv, pid: number): InheritedSockets {
  const [forPid, count, names = ''] = VARIABLES.map(name => env[name])
  for (const name of VARIABLES) delete env[name]
  if (forPid !== String(pid) || count === undefined || count === '0') return {}
  if (!/^[1-9]\d{0,2}$/.test(count))
    throw new SocketsError(`LISTEN_FDS must be the number of sockets that are passed, not "${count}"`)
  const sockets: Partial<Record<ListenerName, number>> = {}
  const given = names.split(':')
  for (let index = 0; index < Number(count); index++) {
    const name = given[index] || 'unknown'
    const fd = FIRST_FD + index
    if (!isListener(name))
      throw new SocketsError(
        `the service manager passes a socket named "${name}": FileDescriptorName= of its unit must be public, tls or admin`,
      )
    if (sockets[name] !== undefined)
      throw new SocketsError(
        `the service manager passes two sockets named "${name}": a listener has one; [::]:PORT takes IPv4 and IPv6`,
      )
    if (!isSocket(fd)) throw new SocketsError(`the service manager passes no socket for "${name}"`)
    sockets[name] = fd
  }
  return sockets
}

/**
 * Checks that there is a use for every socket.
 *
 * @throws SocketsError when a socket is for a listener that the configuration turns off
 */
export function checkSockets(sockets: InheritedSockets, { tls }: Config): void {
  if (sockets.tls !== undefined && tlsPortOf(tls) === undefined)
    throw new SocketsError(
      'the service manager passes a socket named "tls", but no certificate is configured: set tls, or stop its unit',
    )
  if (sockets.public !== undefined && tls.plain === 'off')
    throw new SocketsError(
      'the service manager passes a socket named "public", but tls.plain is off: stop its unit, or set tls.plain',
    )
}

/** Returns the options with which a server listens: on an inherited socket, or else on an address. */
export function listenOn(fd: number | undefined, address: { readonly host: string; readonly port: number }) {
  // Fastify takes a missing host for localhost, and would look for more addresses to bind.
  return fd === undefined ? { ...address } : { fd, host: '127.0.0.1' }
}

/**
 * Waits until a server listens, if `listen` says so.
 *
 * @param fd the inherited socket, if it is one
 * @throws SocketsError when that cannot be listened on
 */
export async function listenWithin(
  server: Server,
  fd: number | undefined,
  name: ListenerName,
  listen: () => Promise<unknown>,
): Promise<void> {
  // Fastify asks for the address at once, and a socket that is not of TCP has none.
  server.prependOnceListener('listening', () => {
    if (server.address() === null) server.address = () => name
  })
  try {
    await listen()
  } catch (error) {
    if (fd === undefined || (error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
    throw notTcp(name)
  }
}

function notTcp(name: ListenerName): SocketsError {
  return new SocketsError(
    `the socket named "${name}" must be one of TCP that listens: ListenStream=ADDRESS:PORT, and no Accept=yes`,
  )
}

/**
 * Returns where a server listens.
 *
 * @throws SocketsError when it listens on an inherited socket that is not of TCP
 */
export function tcpAddressOf(server: Server, name: ListenerName): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string' || address.port === undefined) throw notTcp(name)
  return address
}

function isListener(name: string): name is ListenerName {
  return LISTENERS.some(listener => listener === name)
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket()
  } catch {
    return false
  }
}
