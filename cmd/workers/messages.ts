import cluster from 'node:cluster'
import type { AddressInfo } from 'node:net'
import type { FileContents } from '../../config/load/file-contents.ts'
import type { Config } from '../../config/schema.ts'
import type { MetricValues } from '../../routes/admin/metric-values.ts'
import type { ListenWhen } from '../gateway/gateway-types.ts'
import type { HealthNews } from '../gateway/live-health.ts'

/**
 * Marks, in the environment, the processes that a primary of ours has started. node:cluster's own mark is not enough:
 * another program may start a gateway in a worker of its own.
 */
export const WORKER_MARK = { WAYGATE_WORKER: '1' } as const

/** Whether this process is a worker of a primary of ours. */
export const isWorker = cluster.isWorker && process.env.WAYGATE_WORKER === WORKER_MARK.WAYGATE_WORKER

/** What a worker runs with. All of it was checked by the primary, and none of it is read anew by the worker. */
export interface WorkerSettings {
  readonly config: Config
  /** What the key files held that the configuration names. */
  readonly keyFiles: FileContents
  /** Where the embedded etcd of the primary listens; undefined when it is not used. */
  readonly embeddedUrl: string | undefined
}

/** What the primary asks for. */
export type PageName = 'routes' | 'services' | 'metrics'

/** From the primary to a worker. */
export type ToWorker =
  | { readonly type: 'start'; readonly settings: WorkerSettings; readonly listen: ListenWhen }
  /** Answered by any number of `part` and one `answered`; without a page by that alone. */
  | { readonly type: 'ask'; readonly id: number; readonly page?: PageName }
  /** It is the one that checks nodes, from now on. */
  | { readonly type: 'check' }
  /** What another worker has found of nodes. */
  | { readonly type: 'health'; readonly news: HealthNews }
  /** Another worker has taken its place. */
  | { readonly type: 'retire' }
  /** The whole gateway ends; `leave` follows. */
  | { readonly type: 'drain' }
  /** No connection comes any more. */
  | { readonly type: 'leave' }

/** From a worker to the primary. */
export type ToPrimary =
  | { readonly type: 'listening'; readonly address: AddressInfo }
  | { readonly type: 'loaded' }
  /** It cannot start, and why, for people. */
  | { readonly type: 'failed'; readonly text: string }
  | { readonly type: 'part'; readonly id: number; readonly part: unknown }
  | { readonly type: 'answered'; readonly id: number }
  /** What it has found of nodes. */
  | { readonly type: 'health'; readonly news: HealthNews }
  /** A metric as it was at the end. */
  | { readonly type: 'last'; readonly metric: MetricValues }
