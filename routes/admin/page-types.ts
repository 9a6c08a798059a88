import type { Health } from '../../internal/nodes/health.ts'
import type { BreakerState, PeerState } from '../../internal/nodes/peer.ts'
import type { MetricValues } from './metric-values.ts'
import type { RouteCounts } from './request-counts.ts'
import type { SourceView } from './views.ts'

/** What the admin listener shows, of one process or of several together. */
export interface AdminPages {
  /** What `/routes` is written from. */
  routes(): Promise<RouteList>
  services(): Promise<ServicesPage>
  /** Prometheus text. */
  metrics(): Promise<string>
  /** Whether there is a table to serve from and shutdown has not begun. */
  isReady(): boolean
}

/** The pages of this process alone. */
export interface OwnPages extends AdminPages {
  /** The same as `metrics()`, metric by metric, for adding them up with those of other processes. */
  metricValues(): AsyncIterable<MetricValues>
}

/** `GET /routes`, as JSON; optional fields are left out where they are undefined. */
export interface RoutesPage {
  /** Of the registry; null before it was first heard. */
  readonly revision: string | null
  readonly source: Omit<SourceView, 'revision'>
  readonly routes: readonly RoutePage[]
  readonly services: readonly ServiceState[]
  readonly problems: readonly { readonly key: string; readonly reason: string }[]
  /** The processes whose tables these are, added up; absent when there is one. */
  readonly workers?: readonly WorkerPage[]
}

/**
 * What a {@link RoutesPage} is written from. The nodes of a service are there once, however many routes lead to it:
 * in the page, they are in each of its routes.
 */
export interface RouteList extends Omit<RoutesPage, 'routes' | 'services'> {
  readonly routes: readonly ListedRoute[]
  readonly services: readonly ServicePage[]
}

/** What one of several processes says of its table. */
export interface WorkerPage {
  readonly pid: number
  readonly revision: string | null
  readonly connected: boolean
  readonly stale: boolean
}

/** The name of an authenticator, or that name with what it must have granted; `none` asks for nothing. */
export type AuthPage = string | Readonly<Record<string, object>>

/**
 * Every field of a route as a route document writes it, with the value in force; null where there is nothing of the
 * kind. Named here are those that the admin listener promises.
 */
export interface DescribedRoute {
  readonly id: string
  readonly origin: 'etcd' | 'file' | 'auto'
  readonly path: string
  /** Null: all. */
  readonly methods: readonly string[] | null
  /** Null: all. */
  readonly hosts: readonly string[] | null
  readonly service: string
  readonly auth: AuthPage | readonly AuthPage[]
  readonly [field: string]: unknown
}

/** A route with its requests so far and without the nodes of its service. */
export interface ListedRoute extends DescribedRoute, RouteCounts {}

export interface RoutePage extends ListedRoute {
  readonly nodes: readonly NodePage[]
}

/** `GET /services`. */
export interface ServicesPage {
  readonly services: readonly ServicePage[]
}

/** What is known of a service beside its nodes. */
export interface ServiceState {
  readonly name: string
  /** Whether every node fails its check, and all are used. */
  readonly panicking: boolean
  readonly retries: RetriesPage
  /** Absent where it has none. */
  readonly limit?: LimitPage
}

/** Retries of a service so far, and whether there is budget for more. */
export interface RetriesPage {
  readonly budget: 'available' | 'exhausted'
  readonly inFlight: number
  readonly begun: number
  readonly hedges: number
  readonly refused: number
}

/** How much of a service may be under way. */
export interface LimitPage {
  readonly kind: 'static' | 'adaptive'
  /** Requests; as it is now. */
  readonly limit: number
  /** Requests that have a place. */
  readonly inFlight: number
  /** Requests that wait for one. */
  readonly queued: number
}

export interface ServicePage extends ServiceState {
  readonly nodes: readonly NodePage[]
}

export interface NodePage {
  readonly id: string
  readonly address: string
  readonly weight: number
  readonly metadata: Readonly<Record<string, string>>
  /** Only when it is not HTTP/1.1, which is all that is forwarded. */
  readonly protocol?: string
  readonly state: PeerState
  readonly breaker: BreakerState
  readonly health: Health
  readonly inFlight: number
  readonly requests: number
  readonly failures: number
  /** Those of the failures whose answer did not come in time. */
  readonly timeouts: number
}
