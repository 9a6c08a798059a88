import type { Route } from '../../internal/routing/route.ts'
import type { CheckPage } from './explain.ts'

/** How up to date a source of the table is, or all of them together. */
export interface SourceFreshness {
  readonly connected: boolean
  /** Whether the table may lag behind the registry, because it is not connected or was read from the copy on disk. */
  readonly stale: boolean
  /** Whole milliseconds since the registry last confirmed the table; undefined before the first time. */
  readonly ageMs: number | undefined
  /** The revision of the registry, as a decimal string; undefined before the first snapshot. */
  readonly revision: string | undefined
  /** Why the registry is not connected, for people. */
  readonly reason?: string | undefined
  /** Differences that a full comparison with the registry found although no event was missed; must stay 0. */
  readonly drift: number
  /** Full listings since the start, by reason. */
  readonly relists: Readonly<Record<string, number>>
}

/** Where the table comes from and how up to date it is. */
export interface SourceView extends SourceFreshness {
  /** The name of the registry. */
  readonly registry: string
  /** Values in the registry that are not used, or only in part. */
  readonly skipped: number
  /** Keys in use although the registry no longer names them, because it may have lost them. */
  readonly suspects: number
  /** The state of each source, which the registry follows separately. */
  readonly sources: readonly SourceDetails[]
}

/** A source of the table. */
export interface SourceDetails extends SourceFreshness {
  /** For etcd, the prefix of its keys. */
  readonly name: string
  readonly scope:
    | 'nodes'
    | 'routes'
    | 'api-keys'
    | 'revocations'
    | 'descriptors'
    | 'certificates'
    | 'acme-challenges'
    | 'policies'
}

/** A certificate that is served to clients. */
export interface CertificateView {
  /** The first of its names. */
  readonly name: string
  /** The path of its file, or its key in etcd. */
  readonly origin: string
  /** When it expires, milliseconds since 1970. */
  readonly validUntil: number
}

/** The retries of a service. */
export interface BudgetView {
  /** Retries begun since the start. */
  readonly retries: number
  /** Second tries sent while the first was in flight. */
  readonly hedges: number
  /** Retries and hedges that the budget did not allow. */
  readonly refused: number
  /** Retries and hedges in flight. */
  readonly retrying: number
  /** Whether the budget did not allow a retry recently. */
  readonly isExhausted: boolean
}

/** The retries of every service that had requests. */
export interface BudgetsView extends Iterable<readonly [service: string, BudgetView]> {
  get(service: string): BudgetView | undefined
}

/** The health checks of this process. */
export interface HealthView {
  /** How many nodes this process checks, and the results since the start. */
  readonly checks: { readonly nodes: number; readonly passed: number; readonly failed: number }
  /** What is wrong with the health checks in the metadata of nodes. */
  problems(): readonly TableProblem[]
}

/** A key of the registry, or a route by its id, and what is wrong with it, for people. */
export interface TableProblem {
  readonly key: string
  readonly reason: string
  /** The value that is in use in its place; absent when there is none. */
  readonly lastGood?: LastGoodValue | undefined
}

/** A value that is in use although the registry has another one, which is refused. */
export interface LastGoodValue {
  /** The revision of the registry at which it was read. */
  readonly revision: string
  /** When the registry's value was first refused, as an ISO date. */
  readonly since: string
}

/** The last good values that are in use. */
export interface LastGoodView {
  readonly count: number
  /** How long the oldest problem has lasted; 0 when there is none. */
  readonly ageMs: number
  /** By the id of the route. */
  readonly routes: ReadonlyMap<string, LastGoodValue>
}

/** The live routing table. */
export interface TableView {
  /** Says what would be wrong with a route document if it were written now. */
  judge(id: string, document: unknown): CheckPage
  source(): SourceView
  /** The routes of documents in the registry and the configuration file, and the automatic routes. */
  routes(): readonly Route[]
  /** What is not used, or only in part. */
  problems(): readonly TableProblem[]
  lastGood(): LastGoodView
  /** Returns how many services with nodes get no automatic route because they had a route document and have none now. */
  formerServices(): number
  /** What is used as it is written and should be changed. */
  warnings(): readonly TableProblem[]
  /** Returns what is wrong with the nodes of a service that are in use, by id; undefined when nothing is. */
  nodeProblems(service: string): ReadonlyMap<string, string> | undefined
  /** The `auth` of routes that do not set it. */
  readonly defaultAuth: 'jwt' | 'none'
}

/** Lines of the log that were dropped, by why they could not be written. */
export interface LostLinesView {
  readonly slowReader: number
  /** The disk is full, or the reader has gone. */
  readonly writeError: number
}
