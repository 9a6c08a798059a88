import type { BreakerRule, HedgeRule, Route, ServiceLimitRule } from '../../internal/routing/route.ts'
import type { Finding } from '../kit/problem.ts'
import { membersOf } from '../kit/values.ts'
import type { Config } from '../schema.ts'
import type { RouteDocument } from './route-schema.ts'

/** Converts the rules for retries, with the defaults for the fields that the document leaves out. */
export function toRetryRules(
  document: Pick<RouteDocument, 'retries' | 'tryTimeoutMs' | 'retryOn' | 'retryBufferBytes'>,
  defaults: Omit<Config['routes']['defaults'], 'healthCheck'>,
): Pick<Route, 'retries' | 'tryTimeoutMs' | 'retryOn' | 'retryBufferBytes'> {
  return {
    retries: document.retries ?? defaults.retries ?? undefined,
    tryTimeoutMs: document.tryTimeoutMs ?? defaults.tryTimeoutMs ?? undefined,
    retryOn: Object.freeze([...(document.retryOn ?? defaults.retryOn)]),
    retryBufferBytes: document.retryBufferBytes ?? defaults.retryBufferBytes,
  }
}

export function toHedge(hedge: RouteDocument['hedge']): HedgeRule | undefined {
  if (hedge === undefined || hedge === false) return undefined
  return Object.freeze({ afterMs: hedge === true ? undefined : hedge.afterMs })
}

export function toBreaker(breaker: RouteDocument['breaker']): BreakerRule | undefined {
  if (breaker === undefined) return undefined
  const { statuses, ...rest } = breaker
  return Object.freeze({
    ...rest,
    ...(statuses !== undefined && { statuses: statuses && Object.freeze([...statuses]) }),
  })
}

export function toServiceLimit(limit: RouteDocument['serviceLimit']): ServiceLimitRule | undefined {
  return limit && Object.freeze({ ...limit })
}

/** Completes a route's limit with the fields of the configuration. */
export function completeServiceLimit(
  rule: ServiceLimitRule,
  defaults: Config['serviceLimit'],
): Config['serviceLimit'] {
  const { concurrent, adaptive } = rule
  // A limit of one kind replaces a limit of the other kind.
  const hasKind = concurrent !== undefined || adaptive !== undefined
  const kind = hasKind ? { concurrent: concurrent ?? null, adaptive: adaptive ?? false } : {}
  return { ...defaults, ...rule, ...kind }
}

/** Whether the settings limit anything. */
export function isLimited({ concurrent, adaptive }: Config['serviceLimit']): boolean {
  return concurrent !== null || adaptive
}

/** Finds what the schema of a limit cannot express. Fields of the wrong type are ignored. */
export function* findServiceLimitProblems(limit: unknown): Generator<Finding> {
  const { concurrent, adaptive } = membersOf(limit)
  if (typeof concurrent !== 'number' || adaptive !== true) return
  yield {
    path: ['adaptive'],
    message: 'must not be true together with concurrent: a limit is either fixed or adaptive',
  }
}
