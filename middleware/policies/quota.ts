import { GatewayError } from '../../internal/http/errors.ts'
import { retryAfter } from '../../internal/limits/rate-headers.ts'
import type { LevelRule, Policy } from '../../internal/policy.ts'
import { compileRequestKey, type KeyRule, keyPartNames } from '../request/request-key.ts'
import { countedBySubject, labelOf } from './counted-rule.ts'
import {
  createLimitHeaders,
  createLimitStage,
  type LimitFields,
  type LimitTools,
  type StageRule,
  standInFor,
} from './limit-stage.ts'

/** How many requests a client may send in a window of the calendar. */
export interface QuotaRule extends LimitFields {
  readonly key: KeyRule
  readonly per: 'hour' | 'day' | 'month'
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Limits how many requests clients may send in each hour, day or month of UTC. All quotas must admit a request. One that is
 * refused gets 429 WG_QUOTA_EXCEEDED, and is charged to no quota.
 *
 * @param levels the rule of each level, outer first
 */
export function createQuota(levels: readonly LevelRule<QuotaRule>[], tools: LimitTools): Policy {
  return {
    onAuthorized: createLimitStage(levels.map(compileRule), tools, refuse),
    ...createLimitHeaders(tools),
  }
}

function refuse(violated: readonly string[], retryMs: number): GatewayError {
  return new GatewayError('WG_QUOTA_EXCEEDED', {
    members: { 'violated-policies': violated },
    ...(retryMs !== Infinity && {
      headers: { 'retry-after': String(retryAfter(Math.min(retryMs, DAY_MS))) },
    }),
  })
}

function compileRule({ level, rule }: LevelRule<QuotaRule>): StageRule {
  const { limit, per, key } = rule
  const label = labelOf('quota', level)
  return {
    label,
    fields: { store: 'shared', onStoreDown: 'allow', ...rule },
    keyOf: compileRequestKey(key, { whenMissing: standInFor(rule) }),
    countedFor: countedBySubject(rule.scope, level, [label, per, ...keyPartNames(key)], {
      algorithm: 'fixed',
      limit,
      burst: limit,
      windowMicros: 0,
    }),
    countStatuses: undefined,
    isHidden: false,
    window: () => calendarWindow(per, Date.now()),
  }
}

/** A window of time, milliseconds since 1970. Its end is the beginning of the next one. */
interface TimeWindow {
  readonly startsAt: number
  readonly endsAt: number
}

/** Returns the window of the calendar, in UTC, that a time is in. */
export function calendarWindow(unit: QuotaRule['per'], nowMs: number): TimeWindow {
  if (unit === 'month') {
    const now = new Date(nowMs)
    const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()]
    return { startsAt: Date.UTC(year, month), endsAt: Date.UTC(year, month + 1) }
  }
  const length = unit === 'hour' ? HOUR_MS : DAY_MS
  const startsAt = Math.floor(nowMs / length) * length
  return { startsAt, endsAt: startsAt + length }
}
