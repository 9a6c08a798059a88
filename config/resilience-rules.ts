import type { BreakerRule, HedgeRule, Route } from '../internal/route.ts'
import type { RouteDocument } from './route-schema.ts'
import type { Config } from './schema.ts'

/** What a route says of tries: of its document, and of the defaults where that says nothing. */
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
