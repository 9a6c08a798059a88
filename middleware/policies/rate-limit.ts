import { GatewayError } from '../../internal/http/errors.ts'
import type { CountedRule } from '../../internal/limits/counters.ts'
import { retryAfter } from '../../internal/limits/rate-headers.ts'
import type { LevelRule, Policy } from '../../internal/policy.ts'
import { compileRequestKey, type KeyPart, type KeyRule, keyPartNames } from '../request/request-key.ts'
import { countedBySubject, labelOf } from './counted-rule.ts'
import {
  createLimitHeaders,
  createLimitStage,
  type LimitFields,
  type LimitTools,
  type StageRule,
  standInFor,
} from './limit-stage.ts'

/** How many requests a client may send in a time. */
export interface RateLimitRule extends LimitFields {
  /** Default: `r` and the place in the list. */
  readonly name?: string | undefined
  /** Default: 1. */
  readonly windowSeconds?: number | undefined
  /** For `gcra`: how many may come at once. Default: `limit`. */
  readonly burst?: number | undefined
  /** Default: `gcra`. */
  readonly algorithm?: CountedRule['algorithm'] | undefined
  /** The request is charged when its answer has one of these statuses. Default: on arrival. */
  readonly countStatuses?: readonly number[] | undefined
  /** Default: before authentication where the key is known by then from address, route and service alone. */
  readonly stage?: 'before' | 'after' | undefined
  /** Bits of an IPv6 address that count. Default: 64. */
  readonly ipv6Prefix?: number | undefined
  /** Default: false. */
  readonly hidden?: boolean | undefined
}

/**
 * Limits how many requests clients may send. All rules must admit a request, each counting by a key of its own. One that is
 * refused gets 429 WG_RATE_LIMITED, and is charged to no rule of its stage.
 *
 * @param levels the rules of each level, outer first
 */
export function createRateLimit(
  levels: readonly LevelRule<RateLimitRule | readonly RateLimitRule[]>[],
  tools: LimitTools,
): Policy {
  const rules = levels.flatMap(({ level, rule }) =>
    [rule].flat().map((each, i) => compileRule(each as RateLimitRule, i, level)),
  )
  const stage = (name: 'before' | 'after') => {
    const own = rules.filter(each => each.stage === name)
    return own.length === 0 ? undefined : createLimitStage(own, tools, refuse)
  }
  const [before, after] = [stage('before'), stage('after')]
  return {
    ...(before && { onRequest: before }),
    ...(after && { onAuthorized: after }),
    ...createLimitHeaders(tools),
  }
}

function refuse(violated: readonly string[], retryMs: number): GatewayError {
  return new GatewayError('WG_RATE_LIMITED', {
    ...(violated.length > 0 && { members: { 'violated-policies': violated } }),
    ...(retryMs !== Infinity && { headers: { 'retry-after': String(retryAfter(retryMs)) } }),
  })
}

function compileRule(
  rule: RateLimitRule,
  index: number,
  level: string,
): StageRule & { readonly stage: 'before' | 'after' } {
  const {
    windowSeconds = 1,
    algorithm = 'gcra',
    limit,
    burst = limit,
    key = 'address',
    ipv6Prefix = 64,
  } = rule
  const label = labelOf(rule.name ?? `r${index}`, level)
  return {
    label,
    fields: { onStoreDown: 'local', ...rule },
    keyOf: compileRequestKey(key, { ipv6Prefix, whenMissing: standInFor(rule) }),
    countedFor: countedBySubject(rule.scope, level, [label, String(ipv6Prefix), ...keyPartNames(key)], {
      ...{ algorithm, limit, burst },
      windowMicros: Math.round(windowSeconds * 1_000_000),
    }),
    countStatuses: rule.countStatuses,
    isHidden: rule.hidden === true,
    stage: rule.stage ?? ([key].flat().every(isKnownAtOnce) ? 'before' : 'after'),
  }
}

function isKnownAtOnce(part: KeyRule | KeyPart): boolean {
  return part === 'address' || part === 'route' || part === 'service'
}
