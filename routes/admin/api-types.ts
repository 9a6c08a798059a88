import type { Health } from '../../internal/nodes/health.ts'
import type { BreakerState, PeerState } from '../../internal/nodes/peer.ts'
import type { TimedFigures } from '../../internal/telemetry/traffic-history.ts'
import type { SampleFigures } from '../../internal/telemetry/traffic-series.ts'
import type { ExplainPage } from './explain.ts'
import type { NodeHeartbeats } from './heartbeat-types.ts'
import type { ListedRoute, NodePage, RoutePage, ServicePage, ServiceState, WorkerPage } from './page-types.ts'
import type { SourceView, TableProblem } from './views.ts'

/**
 * What a caller of the admin listener may do: read `/metrics`; register nodes, and read nothing; read everything, with the
 * clients and users of requests masked; read everything, and write.
 */
export type AdminRole = 'metrics' | 'register' | 'read' | 'operate'

/** A list of the API. */
export interface Items<Item> {
  readonly items: readonly Item[]
  /** Asks for the rest, as the parameter `from`; absent at the end. */
  readonly next?: string
}

/** The JSON of `GET /api/v1/status`. */
export interface StatusPage {
  readonly version: string
  /** The name of the host and the public port: tells gateways apart. */
  readonly name: string
  readonly pid: number
  /** An ISO date. */
  readonly startedAt: string
  readonly ready: boolean
  /** The revision of the registry; null before its first snapshot. */
  readonly revision: string | null
  readonly source: Omit<SourceView, 'revision'>
  /** How many there are; `GET /api/v1/problems` lists them. */
  readonly problems: number
  /** That of the caller. */
  readonly role: AdminRole
  readonly features: FeaturesPage
  /** The processes that were merged; absent when there is only one. */
  readonly workers?: readonly WorkerPage[]
}

/** Parts of the API that configuration switches on and off. */
export interface FeaturesPage {
  /** Whether requests are remembered: `/requests`, `/in-flight`, and `requests` of the stream. */
  readonly tail: boolean
  readonly dashboard: boolean
  /** A link to a trace, with `{traceId}` in it; null = none is configured. */
  readonly traceUrl: string | null
}

/** Counts since the sample before, and times of these requests. */
export type Figures = SampleFigures

/** {@link Figures} of some seconds. */
export type Sample = TimedFigures

/** The JSON of `GET /api/v1/figures`: ten minutes back, in steps of 5 s. Steps without requests are left out. */
export interface FiguresPage {
  readonly stepMs: number
  readonly total: readonly Sample[]
  /** By id. With `?route=ID` that one alone, with `?service=NAME` none. */
  readonly routes: Readonly<Record<string, readonly Sample[]>>
  /** By name. */
  readonly services: Readonly<Record<string, readonly Sample[]>>
}

/** The JSON of `GET /api/v1/routes/{id}`. */
export interface RouteDetail {
  /** As `/routes` shows it, with the nodes of its service. */
  readonly route: RoutePage
  /** The document as the registry has it; null for a route of the configuration, and for an automatic one. */
  readonly document: { readonly text: string; readonly key: string; readonly revision: string } | null
  readonly problems: readonly TableProblem[]
  readonly samples: readonly Sample[]
}

/** The JSON of `GET /api/v1/services/{name}`. */
export interface ServiceDetail extends ServicePage {
  /** The ids of routes that send requests to it. */
  readonly routes: readonly string[]
  readonly problems: readonly TableProblem[]
  readonly samples: readonly Sample[]
}

/** An item of `GET /api/v1/services`. */
export interface ServiceSummary extends ServiceState {
  readonly routes: readonly string[]
  /** How many nodes there are, and how many of them are used. */
  readonly nodes: number
  readonly usable: number
}

/** An item of `GET /api/v1/nodes`: a node with the name of its service. */
export interface ServiceNode extends NodePage {
  readonly service: string
}

/** The JSON of `GET /api/v1/nodes/{service}/{id}`. */
export interface NodeDetail extends ServiceNode {
  /** Milliseconds: the median and the 99th percentile of its tries since the start; null without tries. */
  readonly p50: number | null
  readonly p99: number | null
  /** The key of the registry; null where it has none. */
  readonly key: string | null
  /** Null where the key has none; absent while the registry cannot be asked. */
  readonly lease?: LeaseOfKey | null
}

export interface LeaseOfKey {
  /** In hexadecimal, as etcdctl prints it. */
  readonly id: string
  readonly ttlSeconds: number
  readonly leftSeconds: number
}

/** An item of `GET /api/v1/leases`: a lease with the keys of nodes, locks and elections that it holds. */
export interface LeasePage extends LeaseOfKey {
  readonly keys: readonly string[]
}

/** A finished request. Fields that do not apply are left out. No query, header or body is kept. */
export interface RequestEntry {
  readonly requestId: string
  /** When it arrived, milliseconds since 1970. */
  readonly at: number
  readonly method: string
  readonly host?: string
  readonly path: string
  readonly http: '1.0' | '1.1' | '2'
  readonly status: number
  readonly totalMs: number
  /** From the first try to the head of the answer. */
  readonly upstreamMs?: number
  readonly attempts: number
  readonly route?: string
  readonly service?: string
  readonly node?: string
  readonly address?: string
  /** Masked for the role `read` of a token. */
  readonly client?: string
  /** Masked likewise. */
  readonly user?: string
  readonly code?: string
  readonly reason?: string
  readonly fallback?: true
  readonly rpc?: string
  readonly grpcStatus?: number
  readonly policy?: string
  readonly variant?: string
  readonly traceId?: string
  /** The revision of the table that it met. */
  readonly revision?: string
  /** Absent when one try was made, which the other fields describe. */
  readonly tries?: readonly TryEntry[]
}

/** One try of a request at a node. */
export interface TryEntry {
  readonly service: string
  readonly node: string
  /** Milliseconds from the arrival of the request. */
  readonly startMs: number
  readonly ms: number
  /** The status of the answer, or why there was none. */
  readonly outcome: string
}

/** The JSON of `GET /api/v1/requests/{id}`. */
export interface RequestDetail {
  readonly request: RequestEntry
  readonly tries: readonly TryEntry[]
  /** What would happen to the same method, host and path now, without its headers. */
  readonly explain: ExplainPage | null
}

/** An item of `GET /api/v1/in-flight`, longest first. */
export interface OpenCall {
  readonly requestId: string
  readonly method: string
  readonly path: string
  readonly ms: number
  readonly route?: string
  readonly service?: string
  readonly node?: string
  readonly attempts: number
  readonly upgraded?: true
}

/** An item of `GET /api/v1/changes`: a change of the table, as it was seen from the registry, newest first. */
export interface ChangeEntry {
  readonly revision: string
  /** When it was seen, milliseconds since 1970. */
  readonly at: number
  /** The source by its name, such as the prefix of keys. */
  readonly source: string
  readonly kind: 'node' | 'route' | 'policy-set' | 'api-key' | 'revocation' | 'descriptors' | 'certificate'
  readonly key: string
  /** The id of the route or of the node, the name of the set. */
  readonly id: string
  /** Of a node. */
  readonly service?: string
  /** The value as text, cut at 8 KiB; null = the key was not there. Values of keys and certificates are never shown. */
  readonly before: string | null
  readonly after: string | null
}

/** A question about requests: `GET /api/v1/requests?filter=&problems=1&limit=`. */
export interface RequestsQuery {
  /** In the language of filters, such as `service:user status:5xx ms>100`; empty = all. */
  readonly filter: string
  /** Whether only requests that went wrong count. */
  readonly problems: boolean
  /** At most so many, newest first. */
  readonly limit: number
}

/** The state of a node that changes with requests. */
export type NodeFigures = readonly [
  inFlight: number,
  n: number,
  failures: number,
  p50: number | null,
  p99: number | null,
  breaker: BreakerState,
  health: Health,
  state: PeerState,
]

/** The event `figures` of `GET /api/v1/live`, each second. */
export interface LiveFigures {
  /**
   * What the rows are that are left out: absent = as in the event before; `none` = without requests, and nodes are well; `unknown`
   * = there are too many rows, and those with fewer requests are left out.
   */
  readonly omitted?: 'none' | 'unknown'
  /** Milliseconds since 1970. */
  readonly t: number
  readonly total: Figures
  readonly inFlight: number
  /** Retries begun since the sample before. */
  readonly retries: number
  readonly routes: Readonly<Record<string, Figures>>
  readonly services: Readonly<Record<string, Figures>>
  /** By `service/id`. */
  readonly nodes: Readonly<Record<string, NodeFigures>>
}

/** The event `table` of `GET /api/v1/live`: the table at first, and again after the reader was too slow; else what has changed. */
export interface LiveTablePart {
  readonly revision: string | null
  /** Whether this is all of the table, so that what is not in it is gone. */
  readonly whole: boolean
  readonly routes: readonly ListedRoute[]
  readonly services: readonly ServicePage[]
  /** The ids of routes and the names of services that are gone. */
  readonly gone: { readonly routes: readonly string[]; readonly services: readonly string[] }
}

/** The event `problem` of the stream: all problems, at first and whenever they change. */
export type LiveProblems = Items<TableProblem>

/** The event `bye` of the stream, which is its last. */
export interface LiveBye {
  readonly reason: string
}

/** The event `requests` of the stream. */
export interface LiveRequests {
  readonly items: readonly RequestEntry[]
  /** Requests that fit the filter and were left out, because there were too many or the reader was too slow. */
  readonly lost: number
  /** How many requests a second fit the filter; present while they are so many that some are left out. */
  readonly perSecond?: number
}

/** What the API asks of a gateway: of one process, or of several whose answers are merged. */
export interface ApiPages extends NodeHeartbeats {
  status(): Promise<Omit<StatusPage, 'role' | 'features'>>
  problems(): Promise<readonly TableProblem[]>
  figures(): Promise<FiguresPage>
  /** These four resolve with undefined where there is no such thing. */
  route(id: string): Promise<RouteDetail | undefined>
  service(name: string): Promise<ServiceDetail | undefined>
  node(service: string, id: string): Promise<NodeDetail | undefined>
  /** @param id of a request that is still remembered */
  request(id: string): Promise<RequestDetail | undefined>
  serviceSummaries(): Promise<readonly ServiceSummary[]>
  /** Resolves with undefined while the registry cannot be asked. */
  leases(): Promise<readonly LeasePage[] | undefined>
  requests(query: RequestsQuery): Promise<readonly RequestEntry[]>
  inFlight(overMs: number): Promise<readonly OpenCall[]>
  changes(limit: number): Promise<readonly ChangeEntry[]>
  /**
   * Calls the listener until the function is called that is returned. While nobody watches, nothing is measured by the second.
   *
   * @throws TypeError when its filter cannot be read
   */
  watch(listener: LiveListener): () => void
}

/** Receives what the stream is made of. */
export interface LiveListener {
  /** Which requests are wanted, in the language of filters. Default: all; null = none, which costs least. */
  readonly filter?: string | null
  /** The table has changed: routes or services of these names, or all of it, where both lists are empty. */
  onTable(changed: {
    readonly revision: string | null
    readonly routes: readonly string[]
    readonly services: readonly string[]
  }): void
  /** @param whole returns all rows, for somebody who has missed some; it must be called at once */
  onFigures(figures: LiveFigures, whole: () => LiveFigures): void
  onChange(change: ChangeEntry): void
  onRequest(request: RequestEntry): void
  /** So many requests that fit were left out, because there were too many. */
  onLost?(requests: number): void
  onSource(source: Omit<SourceView, 'revision'>): void
  onProblems(problems: readonly TableProblem[]): void
  /** The gateway shuts down, for the reason given. */
  onBye(reason: string): void
}
