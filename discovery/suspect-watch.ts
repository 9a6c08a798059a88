import { connect, type Socket } from 'node:net'
import type { Node } from '../internal/nodes/node.ts'
import { isOutOfFiles } from '../internal/upstream-failure.ts'
import type { Directory } from './directory.ts'
import { type Logger, silentLogger } from './logger.ts'

/**
 * Makes a TCP connection within `timeoutMs`. Calls `done` once: with a connected socket, which the caller must destroy, or with
 * an error.
 */
export type OpenConnection = (
  address: { readonly host: string; readonly port: number; readonly timeoutMs: number },
  done: (error: Error | undefined, socket: Socket) => void,
) => void

export interface SuspectWatchOptions {
  readonly directory: Directory
  /** The longest time that a suspect may stay, even while it accepts connections. */
  readonly graceMs: number
  /** Connects to suspects. Default: `connect` of node:net, which resolves names as the system does. */
  readonly openConnection?: OpenConnection | undefined
  readonly logger?: Logger | undefined
  /** Time between two checks of a suspect. Default 1,000. */
  readonly intervalMs?: number | undefined
}

const INTERVAL_MS = 1_000
/** How long a connection to a suspect may take. */
const CONNECT_TIMEOUT_MS = 1_000
/** What is so late shows that the process was stopped or its event loop was blocked. */
const STALL_MS = 250
/** Connections at a time. All nodes of a large registry may be suspect at once. */
const CONCURRENCY = 64

/**
 * Watches over a directory's suspects: removes a node as soon as it accepts no connection, and removes the
 * rest when the grace period ends. Costs nothing while there are no suspects. Call `stop()` when done.
 *
 * A stall of this process is held against no suspect. What the registry and the nodes have said meanwhile waits in sockets that were
 * not read. So a connection that took too long in a stall is tried again, and after a long one the grace period begins again.
 */
export class SuspectWatch {
  readonly #options: SuspectWatchOptions
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #looking = false
  /** When the last stall ended that took a large part of a grace period. */
  #resumedAt = Number.NEGATIVE_INFINITY
  #stopped = false

  constructor(options: SuspectWatchOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
  }

  /** Starts the checks if there are suspects. Call it after each event that the directory has applied. */
  check(): void {
    if (this.#stopped || this.#timer || this.#looking) return
    if (this.#options.directory.suspectCount > 0) void this.#look()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #look(): Promise<void> {
    const { directory, graceMs, intervalMs = INTERVAL_MS } = this.#options
    this.#looking = true
    const now = performance.now()
    const probes: { key: string; node: Node }[] = []
    for (const { key, nodes, since } of directory.suspects()) {
      if (now - Math.max(since, this.#resumedAt) < graceMs)
        for (const node of nodes) probes.push({ key, node })
      else if (directory.dismiss(key)) {
        this.#logger.warn({ key }, 'suspect removed: its grace period ended')
      }
    }
    let next = 0
    const probe = async (): Promise<void> => {
      for (let each = probes[next++]; each && !this.#stopped; each = probes[next++]) {
        const { key, node } = each
        const reason = await this.#refusal(node)
        if (reason === undefined || this.#stopped) continue
        if (!directory.dismiss(key, node)) continue
        const { service, id } = node
        this.#logger.warn({ service, id, reason }, 'suspect removed: it accepts no connection')
      }
    }
    await Promise.all(Array.from({ length: Math.min(CONCURRENCY, probes.length) }, probe))
    this.#looking = false
    if (this.#stopped || directory.suspectCount === 0) return
    const dueAt = performance.now() + intervalMs
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#noteTime(dueAt)
      void this.#look()
    }, intervalMs).unref()
  }

  /** Resolves with why the node accepts no connection; with undefined when it accepts one, or could not be asked. */
  #refusal({ host, port }: Node): Promise<string | undefined> {
    const { openConnection = connectDirectly } = this.#options
    const dueAt = performance.now() + CONNECT_TIMEOUT_MS
    return new Promise(resolve => {
      openConnection({ host, port, timeoutMs: CONNECT_TIMEOUT_MS }, (error, socket) => {
        socket.destroy()
        const isLate = this.#noteTime(dueAt)
        const isAnswer = !isLate && !isOutOfFiles(error)
        resolve(isAnswer ? error?.message : undefined)
      })
    })
  }

  /** Notes when something has come. Returns whether that is so late that this process must have stood still. */
  #noteTime(dueAt: number): boolean {
    const now = performance.now()
    const lateMs = now - dueAt
    if (lateMs > Math.max(STALL_MS, this.#options.graceMs / 2)) this.#resumedAt = now
    return lateMs > STALL_MS
  }
}

const connectDirectly: OpenConnection = ({ host, port, timeoutMs }, done) => {
  const socket = connect({ host, port })
  const end = (error?: Error) => {
    clearTimeout(timer)
    socket.off('error', end).on('error', () => {})
    done(error, socket)
  }
  const timer = setTimeout(() => end(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs).unref()
  socket.once('connect', () => end()).once('error', end)
}
