import { readFileSync } from 'node:fs'
import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import { nodeSockets } from '../../wrappers/transport/node-sockets.ts'

/** How the file descriptors of this process are shared out. */
export interface OpenFiles {
  /** How many files this process may have open; Infinity = unknown. */
  readonly limit: number
  /** How many of them clients may take; 0 = any number. */
  readonly clients: number
  /** How many of them connections to nodes may take. */
  readonly nodes: number
}

/** What is kept for etcd, the admin listener, files and the log: so many, or this share of the limit if that is more. */
const MIN_RESERVE = 64
const RESERVE_SHARE = 0.1

/**
 * Lets the sockets to nodes take the file descriptors of this process that clients leave. Logs a limit that is too low for
 * the configured client connections, and, at most once a minute, a lack of file descriptors.
 *
 * @param clientConnections returns how many there are
 * @returns the most client connections that there may be; 0 = any number
 */
export function limitOpenFiles(
  { clientLimits }: Pick<Config, 'clientLimits'>,
  clientConnections: () => number,
  logger: Logger,
): number {
  const { limit: openFiles, clients, nodes } = shareOpenFiles(readOpenFilesLimit(), clientLimits.connections)
  if (clients < clientLimits.connections) {
    logger.warn(
      { openFiles, clientConnections: clients },
      'fewer client connections than configured; the limit on open files is low',
    )
  }
  nodeSockets.max = nodes
  nodeSockets.onOutOfFiles = (code, nodeConnections) =>
    logger.warn(
      { code, openFiles, clientConnections: clientConnections(), nodeConnections },
      'out of file descriptors; logged at most once a minute',
    )
  return clients
}

/**
 * Shares out the file descriptors. Clients get half of what is left above a reserve, because each can need a connection to
 * a node, or fewer if fewer are configured. Nodes get the rest.
 *
 * @param limit as `readOpenFilesLimit` returns it
 * @param configured the most client connections; 0 = any number
 */
export function shareOpenFiles(limit: number, configured: number): OpenFiles {
  if (limit === Number.POSITIVE_INFINITY) return { limit, clients: configured, nodes: limit }
  const reserve = Math.min(Math.max(MIN_RESERVE, Math.ceil(limit * RESERVE_SHARE)), Math.ceil(limit / 2))
  const half = Math.ceil((limit - reserve) / 2)
  const clients = Math.min(configured || half, half)
  return { limit, clients, nodes: limit - reserve - clients }
}

/**
 * Returns how many files this process may have open: the soft limit, which Node raises to the hard one when it starts. Only
 * Linux shows it cheaply; elsewhere returns Infinity.
 */
export function readOpenFilesLimit(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
