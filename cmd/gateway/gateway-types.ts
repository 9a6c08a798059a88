import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Keys } from '../../config/keys/keys.ts'
import type { Config } from '../../config/schema.ts'
import type { Registry, RememberedSource } from '../../discovery/registry.ts'
import type { SharedCounters } from '../../internal/limits/counters.ts'
import type { ReloadCounts } from '../../routes/admin/metrics/reload-metrics.ts'
import type { OwnPages } from '../../routes/admin/page-types.ts'
import type { LostLinesView } from '../../routes/admin/views.ts'
import type { InheritedSockets } from './inherited-sockets.ts'
import type { LiveHealth } from './live-health.ts'
import type { LiveTable } from './live-table.ts'
import type { SenderTimes } from './otlp-sender.ts'
import type { Inputs, Prepared } from './settings.ts'
import type { OwnApiPages } from './telemetry/api-pages.ts'

export interface GatewayOptions {
  readonly config: Config
  readonly keys: Keys
  /** The version of Waygate, for the metrics and the API. */
  readonly version: string
  /** Initialised. The caller closes it after the gateway has stopped. */
  readonly registry: Registry
  readonly logger: Logger
  /** Writes a line of the access log, which has the format of the logger's lines. */
  readonly writeLine: (line: string) => void
  /** The secret that the keys of TLS tickets are made from. Default: one of this process. */
  readonly ticketSecret?: Buffer | undefined
  /** Counts shared limits in place of the store of the configuration, for tests. The caller closes it. */
  readonly sharedCounters?: SharedCounters | undefined
  /** The times of what sends spans, for tests. Default: as documented. */
  readonly spanTimes?: Partial<SenderTimes> | undefined
  /** The lines that the log has lost, for the metrics. Default: none. */
  readonly lostLines?: LostLinesView | undefined
  /**
   * Whether connections are accepted at once, or only when there is a table to serve them from. Default `at-once`:
   * operators wait for the port, and `/readyz` tells them when the gateway is ready.
   */
  readonly listen?: ListenWhen | undefined
  /** How often the configuration was loaded again, where this process does that; for the metrics. */
  readonly reloads?: ReloadCounts | undefined
  /** The sockets to listen on in place of the configured addresses. Default: none. */
  readonly sockets?: InheritedSockets | undefined
  /** Returns the port of the admin listener, which no request may reach; 0 = not open yet. Default: as configured. */
  readonly adminPort?: (() => number) | undefined
  /** What the process before this one has remembered of the registry. */
  readonly remembered?: readonly RememberedSource[] | undefined
  /** Called when what is to be remembered of a source of the registry has changed. */
  readonly onRemembered?: ((remembered: RememberedSource) => void) | undefined
  /** Called when no request is left, while the counts of this gateway can still be read. */
  readonly onDrained?: (pages: OwnPages) => Promise<void>
}

export type ListenWhen = 'at-once' | 'when-loaded'

/** Where clients reach a gateway: without TLS, with TLS, or both. */
export interface PublicAddresses {
  readonly plain: AddressInfo | undefined
  readonly tls: AddressInfo | undefined
}

/** A running gateway. The code that started it calls `stop()`. */
export interface Gateway {
  readonly addresses: PublicAddresses
  /** Resolves when there is all that requests are served from. */
  readonly loaded: Promise<void>
  readonly table: LiveTable
  /** The health of nodes. Of several processes, one calls `startChecking()` on it. */
  readonly health: LiveHealth
  /** The pages for an admin listener, which the gateway does not open itself. */
  readonly pages: OwnPages
  /** What its API shows. */
  readonly api: OwnApiPages
  /**
   * Makes everything that other settings need, without using it.
   *
   * @throws Error with the reason why they cannot be used
   */
  prepare(next: Inputs): Promise<Prepared>
  /** See `LiveTable.betweenEvents`: settings are swapped there. */
  betweenEvents(swap: () => void): Promise<void>
  /** Returns whether any request has arrived yet. */
  hasServed(): boolean
  /** Returns the number of nodes in the table, over all services. */
  nodeCount(): number
  /**
   * Stops the gateway. It is no longer ready, serves new connections for another `drainMs`, and then finishes the requests
   * in flight for at most `shutdownTimeoutMs`. Resolves with the number of requests that were cut off.
   */
  stop(): Promise<number>
  /**
   * Stops the gateway after another process has taken its place. It accepts no more connections, and asks clients with
   * their next answer to close theirs. Idle connections stay open meanwhile, since a request may be on its way on them:
   * for `drainMs` or `shutdownTimeoutMs`, whichever is longer, or until `hurry` aborts. Then the requests in flight are
   * finished as in `stop()`. Resolves with the number of requests that were cut off.
   */
  retire(hurry: AbortSignal): Promise<number>
}
