import type { Health } from '../../internal/nodes/health.ts'
import type { Lane } from '../../internal/nodes/node.ts'
import type { BreakerState, PeerState } from '../../internal/nodes/peer.ts'
import type { CheckPage, CheckQuestion, ExplainPage, ExplainQuestion } from './explain.ts'
import type { MetricValues } from './metrics/metric-values.ts'
import type { PageFormat } from './metrics/metrics-text.ts'
import type { RouteCounts } from './metrics/request-counts.ts'
import type { LastGoodValue, SourceView, TableProblem } from './views.ts'

/** The pages of the admin listener, of one process or of several merged. */
export interface AdminPages {
  /** The content of `/routes`. */
  routes(): Promise<RouteList>
  services(): Promise<ServicesPage>
  /** The methods of a service; undefined when it has no nodes that speak gRPC. */
  methods(service: string): Promise<MethodsPage | undefined>
  /** Says what would happen to a request; undefined while nothing is there that could say it. */
  explain(question: ExplainQuestion): Promise<ExplainPage | undefined>
  /** Judges a route document; undefined while nothing is there that could. */
  check(question: CheckQuestion): Promise<CheckPage | undefined>
  /** The content of `/metrics`, in pieces. Default: the text format of Prometheus. */
  metrics(format?: PageFormat): Promise<readonly string[]>
  /** Whether a table is loaded and shutdown has not begun. */
  isReady(): boolean
}

/** The pages of this process alone. */
export interface OwnPages extends AdminPages {
  /** The metrics one by one, the large ones in several parts, to be merged with those of other processes. */
  metricValues(): AsyncIterable<MetricValues>
}

/** The JSON of `GET /routes`. Optional fields are left out where they are undefined. */
export interface RoutesPage {
  /** The revision of the registry; null before its first snapshot. */
  readonly revision: string | null
  readonly source: Omit<SourceView, 'revision'>
  /** The `auth` of routes that do not set it: `none` while no key for tokens is configured. Null = not known. */
  readonly defaultAuth: 'jwt' | 'none' | null
  readonly routes: readonly RoutePage[]
  readonly services: readonly ServiceState[]
  /** Problems of the table and of health checks, and warnings. */
  readonly problems: readonly TableProblem[]
  /** The processes whose tables were merged; absent when there is only one. */
  readonly workers?: readonly WorkerPage[]
}

/**
 * The content of a {@link RoutesPage}, with the nodes of a service listed once. The page repeats them in each route of
 * the service.
 */
export interface RouteList extends Omit<RoutesPage, 'routes' | 'services'> {
  readonly routes: readonly ListedRoute[]
  readonly services: readonly ServicePage[]
}

/** The state of the table in one of several processes. */
export interface WorkerPage {
  readonly pid: number
  readonly revision: string | null
  readonly connected: boolean
  readonly stale: boolean
}

/** The name of an authenticator, or that name with what it must have granted; `none` asks for nothing. */
export type AuthPage = string | Readonly<Record<string, object>>

/**
 * Every field of a route as a route document would have it, with the value in force; null where nothing is in force.
 * The fields named here are those that clients of the admin listener can rely on.
 */
export interface DescribedRoute {
  readonly id: string
  readonly origin: 'etcd' | 'file' | 'auto'
  readonly path: string
  /** Null = all. */
  readonly methods: readonly string[] | null
  /** Null = all. */
  readonly hosts: readonly string[] | null
  readonly service: string
  readonly auth: AuthPage | readonly AuthPage[]
  /** Set when the document is invalid and no earlier version was good: the route answers 503. */
  readonly broken?: true
  readonly [field: string]: unknown
}

/** A route with its requests so far and without the nodes of its service. */
export interface ListedRoute extends DescribedRoute, RouteCounts {
  /** Present when this is the last good version of a document whose present version is refused. */
  readonly lastGood?: LastGoodValue | undefined
}

export interface RoutePage extends ListedRoute {
  readonly nodes: readonly NodePage[]
}

/** The JSON of `GET /services`. */
export interface ServicesPage {
  readonly services: readonly ServicePage[]
}

/** The state of a service, without its nodes. */
export interface ServiceState {
  readonly name: string
  /** Whether all nodes fail their health checks, so that all are used. */
  readonly panicking: boolean
  readonly retries: RetriesPage
  /** Absent when the service has no limit. */
  readonly limit?: LimitPage
  /** Absent when no node of the service speaks gRPC. */
  readonly descriptors?: DescriptorsPage
}

/** What is known of the gRPC methods of a service. */
export interface DescriptorsPage {
  /** Null = nothing is known. `disk`: what nodes said to an earlier process. */
  readonly source: 'etcd' | 'file' | 'reflection' | 'disk' | null
  /** The name of the descriptors in etcd or in `grpc.descriptors`, or the address of the node that was asked. */
  readonly from?: string
  /** How many there are. */
  readonly methods: number
  /** Why descriptors of the service cannot be used. On the page of its methods, also which bindings have no effect. */
  readonly problems: readonly string[]
}

/** The JSON of `GET /services/{name}/methods`. */
export interface MethodsPage {
  readonly service: string
  readonly descriptors: DescriptorsPage
  /** At most 1,000. */
  readonly methods: readonly MethodPage[]
}

export interface MethodPage {
  /** `package.Service/Method` */
  readonly name: string
  readonly kind: 'unary' | 'client-stream' | 'server-stream' | 'bidi-stream'
  /** The ways to call it with JSON. `grpc.bindings` of a route says which of them the route has. */
  readonly bindings: readonly BindingPage[]
}

export interface BindingPage {
  readonly method: string
  /** The path template, as it is matched behind the `stripPrefix` of a route. */
  readonly path: string
  /** The field that the body of the request is; `*` = the whole message. Absent: it has none. */
  readonly body?: string
  /** The field that the body of the answer is. Absent: the whole message. */
  readonly answer?: string
  /** The `google.api.http` of the method, `grpc.rules` of a route document, or the name of the method. */
  readonly from: 'annotation' | 'rule' | 'name'
}

/** The retries of a service since the start, and whether its budget allows more. */
export interface RetriesPage {
  readonly budget: 'available' | 'exhausted'
  readonly inFlight: number
  readonly begun: number
  readonly hedges: number
  readonly refused: number
}

/** The concurrency limit of a service. */
export interface LimitPage {
  readonly kind: 'static' | 'adaptive'
  /** The present limit, in requests. */
  readonly limit: number
  /** Requests that are admitted. */
  readonly inFlight: number
  /** Requests that wait to be admitted. */
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
  /** Present only when it is not HTTP/1.1 in cleartext. */
  readonly protocol?: string
  /** Which requests a node with a `protocol` gets; absent when it gets none, because the protocol is unknown. */
  readonly lane?: Lane
  /** Open connections to a node that speaks HTTP/2. */
  readonly sessions?: number
  readonly state: PeerState
  readonly breaker: BreakerState
  readonly health: Health
  readonly inFlight: number
  readonly requests: number
  readonly failures: number
  /** Failures because the answer did not come in time. */
  readonly timeouts: number
  /** What is wrong with the node although it is in use, and what to do; absent when nothing is known to be. */
  readonly problem?: string
}
