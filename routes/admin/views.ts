import type { Route } from '../../internal/routing/route.ts'

/** Where the table comes from and how far it can be trusted. */
export interface SourceView {
  /** Name of the registry. */
  readonly registry: string
  readonly connected: boolean
  /** Whether the table may lag behind the registry: not connected, or read from the copy on disk. */
  readonly stale: boolean
  /** Whole milliseconds since the registry last confirmed the table; undefined before the first time. */
  readonly ageMs: number | undefined
  /** Of the registry, as a decimal string; undefined before the first snapshot. */
  readonly revision: string | undefined
  /** Why it is not connected, for people. */
  readonly reason?: string | undefined
  /** Differences that a full comparison with the registry found although nothing was missed; must stay 0. */
  readonly drift: number
  /** Full listings since the start, by reason. */
  readonly relists: Readonly<Record<string, number>>
  /** Registry values that are not used, or not in full. */
  readonly skipped: number
  /** Keys in use although the registry no longer names them, because it may have lost them. */
  readonly suspects: number
  /** The same for each part of the registry that is followed on its own. */
  readonly sources: readonly SourceDetails[]
}

/** How true one part of the table is; see {@link SourceView}. */
export interface SourceDetails {
  /** For etcd, the prefix of its keys. */
  readonly name: string
  readonly scope: 'nodes' | 'routes' | 'api-keys' | 'revocations'
  readonly connected: boolean
  readonly stale: boolean
  readonly ageMs: number | undefined
  readonly revision: string | undefined
  readonly reason: string | undefined
  readonly drift: number
  readonly relists: Readonly<Record<string, number>>
}

/** What the admin listener shows of the retries of a service. */
export interface BudgetView {
  /** Begun so far. */
  readonly retries: number
  /** Second tries sent beside the first. */
  readonly hedges: number
  /** Retries and hedges for which there was no budget. */
  readonly refused: number
  /** Under way. */
  readonly retrying: number
  /** Whether there was none for a retry of late. */
  readonly isExhausted: boolean
}

/** Of each service that was asked. */
export interface BudgetsView extends Iterable<readonly [service: string, BudgetView]> {
  get(service: string): BudgetView | undefined
}

/** What the admin listener shows of health checks. */
export interface HealthView {
  /** What this process has checked so far, and how many nodes it checks. */
  readonly checks: { readonly nodes: number; readonly passed: number; readonly failed: number }
  /** What is wrong with the checks that nodes ask for. */
  problems(): readonly { readonly key: string; readonly reason: string }[]
}

/** What the admin listener shows of the live table. */
export interface TableView {
  source(): SourceView
  /** Documents from the registry and the config file, and the automatic routes. */
  routes(): readonly Route[]
  problems(): readonly { readonly key: string; readonly reason: string }[]
}
