import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Keys } from '../../config/keys/keys.ts'
import type { Config } from '../../config/schema.ts'
import type { Registry } from '../../discovery/registry.ts'
import type { OwnPages } from '../../routes/admin/page-types.ts'
import type { LiveHealth } from './live-health.ts'
import type { LiveTable } from './live-table.ts'

export interface GatewayOptions {
  readonly config: Config
  readonly keys: Keys
  /** Initialised; closed by whoever made it. */
  readonly registry: Registry
  readonly logger: Logger
  /** Takes a line of the access log, in the form of the logger's own. */
  readonly writeLine: (line: string) => void
  /**
   * Whether connections are taken at once, or not before there is a table to serve them from. Default
   * `at-once`: whoever starts a gateway waits for its port, and learns from `/readyz` when it is ready.
   */
  readonly listen?: ListenWhen | undefined
  /** Where its admin listener is, which no request may reach; 0 = nowhere yet. Default: as configured. */
  readonly adminPort?: (() => number) | undefined
  /** Called at the end when no request is left, while everything that was counted can still be read. */
  readonly onDrained?: (pages: OwnPages) => Promise<void>
}

export type ListenWhen = 'at-once' | 'when-loaded'

/** A running gateway. Whoever started it calls `stop()`. */
export interface Gateway {
  readonly address: AddressInfo
  readonly table: LiveTable
  /** Whether nodes are well. Whoever started the gateway has it check them, in one of several processes. */
  readonly health: LiveHealth
  /** What its admin listener shows; whoever wants one opens it. */
  readonly pages: OwnPages
  /** Whether a request has come yet. */
  hasServed(): boolean
  /** Nodes in the table, over all services. */
  nodeCount(): number
  /**
   * Not ready from now on; serves new connections for `drainMs` more, then only what is in flight, for at
   * most `shutdownTimeoutMs`. Resolves with how many requests were cut off.
   *
   * @param handedOver new connections are served until it resolves, too
   */
  stop(handedOver?: Promise<void>): Promise<number>
  /**
   * For a process whose place another has taken. Takes no connection from now on, and asks clients to leave with
   * their next answer. Idle connections stay open for that, since a request may be on its way on them: for
   * `drainMs` or `shutdownTimeoutMs`, whichever is longer, or until `hurry` aborts. The rest is as with `stop()`.
   */
  retire(hurry: AbortSignal): Promise<number>
}
