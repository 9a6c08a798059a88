import type { FileContents } from '../../config/keys/file-contents.ts'
import type { Config } from '../../config/schema.ts'
import type { RememberedSource } from '../../discovery/registry.ts'
import type { encodeRemembered } from '../../discovery/remembered.ts'
import type { ChangeEntry, RequestEntry } from '../../routes/admin/api-types.ts'
import type { CheckQuestion, ExplainQuestion } from '../../routes/admin/explain.ts'
import type { MetricValues } from '../../routes/admin/metrics/metric-values.ts'
import type { ListenWhen, PublicAddresses } from '../gateway/gateway-types.ts'
import type { InheritedSockets } from '../gateway/inherited-sockets.ts'
import type { HealthNews } from '../gateway/live-health.ts'
import type { OwnApiPages } from '../gateway/telemetry/api-pages.ts'
import type { LiveDelta } from '../gateway/telemetry/live-feed.ts'

/**
 * The environment variable that marks the workers of a Waygate primary. node:cluster's own mark is not enough, because
 * another program may start a gateway in one of its workers.
 */
export const WORKER_MARK = { WAYGATE_WORKER: '1' } as const

/** Whether this process is a worker of a Waygate primary. All others do not load node:cluster. */
export const isWorker =
  process.env.WAYGATE_WORKER === WORKER_MARK.WAYGATE_WORKER &&
  process.getBuiltinModule('node:cluster').isWorker

/** Everything that a worker runs with. The primary has checked it, and the worker reads no files itself. */
export interface WorkerSettings {
  readonly config: Config
  /** The contents of the key files that the configuration names. */
  readonly keyFiles: FileContents
  /** The address of the primary's embedded etcd; undefined when it is not used. */
  readonly embeddedUrl: string | undefined
  /** Descriptors of the primary, which opens them for workers. */
  readonly sockets: InheritedSockets
  /** The secret that the keys of TLS tickets are made from, in base64, so that every worker can resume every session. */
  readonly ticketSecret: string
  /** The version of the primary's program, which an update may have replaced on disk. */
  readonly version: string
}

/**
 * What the primary asks the API of a worker. `live`: what has changed since it was asked last, while somebody watches; `wasHeard`
 * says whether the primary has got the answer before.
 */
export type AskedPages = Omit<OwnApiPages, 'watch' | 'openFeed' | 'bye'> & {
  live(wasHeard: boolean): Promise<LiveDelta | undefined>
}

/** The name of a page of the API, and what it is asked. */
export type ApiQuestion = {
  [Name in keyof AskedPages]: { readonly api: Name; readonly args: Parameters<AskedPages[Name]> }
}[keyof AskedPages]

/** What the primary asks workers for: an admin page, the methods of a service, or what would happen to a request. */
export type PageQuestion =
  | ApiQuestion
  | 'routes'
  | 'services'
  | 'metrics'
  | { readonly methodsOf: string }
  | { readonly explain: ExplainQuestion }
  | { readonly check: CheckQuestion }

/** What is remembered of a source, as it is sent. */
export type SentMemory = ReturnType<typeof encodeRemembered<RememberedSource>>

/** A message from the primary to a worker. */
export type ToWorker =
  | {
      readonly type: 'start'
      readonly settings: WorkerSettings
      readonly listen: ListenWhen
      /** What workers before it have remembered of the registry. */
      readonly remembered: readonly SentMemory[]
    }
  /** Answered by any number of `part` messages and one `answered`; without a page, by `answered` alone. */
  | { readonly type: 'ask'; readonly id: number; readonly page?: PageQuestion }
  /** Somebody watches, and wants requests that fit one of the filters; without filters, nobody does. */
  | { readonly type: 'watch'; readonly filters?: readonly string[] }
  /** Whether this worker runs the health checks from now on. */
  | { readonly type: 'check'; readonly isWanted: boolean }
  /** Verdicts of the worker that runs the health checks. */
  | { readonly type: 'health'; readonly news: HealthNews }
  /** Another worker has replaced this one. */
  | { readonly type: 'retire' }
  /** The whole gateway shuts down. */
  | { readonly type: 'drain' }

/** A message from a worker to the primary. */
export type ToPrimary =
  | { readonly type: 'listening'; readonly addresses: PublicAddresses }
  | { readonly type: 'loaded' }
  /** The worker cannot start; `text` is the reason, as shown to the user. */
  | { readonly type: 'failed'; readonly text: string }
  | { readonly type: 'part'; readonly id: number; readonly part: unknown }
  | { readonly type: 'answered'; readonly id: number }
  /** Requests that ended while somebody watches, and how many that fit each filter were left out. */
  | {
      readonly type: 'requests'
      readonly items: readonly RequestEntry[]
      readonly lost: Readonly<Record<string, number>>
    }
  | { readonly type: 'change'; readonly change: ChangeEntry }
  /** Verdicts of this worker's health checks. */
  | { readonly type: 'health'; readonly news: HealthNews }
  /** What this worker remembers of a source of the registry, for those that come after it. */
  | { readonly type: 'remembered'; readonly remembered: SentMemory }
  /** The final values of one metric. */
  | { readonly type: 'last'; readonly metric: MetricValues }
