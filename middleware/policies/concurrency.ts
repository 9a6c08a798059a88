import { GatewayError } from '../../internal/http/errors.ts'
import type { Exchange, LevelRule, Policy } from '../../internal/policy.ts'
import { compileRequestKey, type KeyRule, type ReadRequestKey } from '../request/request-key.ts'

/** How many requests with the same key may be under way at once. */
export interface ConcurrencyRule {
  readonly limit: number
  /** Default: `route`. */
  readonly key?: KeyRule | undefined
  /** Whether a WebSocket counts as long as it is open. Default: it does not count at all. */
  readonly webSockets?: boolean | undefined
  /** False: refusals are only counted and logged. Default: true. */
  readonly enforce?: boolean | undefined
}

export interface ConcurrencyTools {
  /** Is called when a rule that is not enforced would have refused a request. */
  readonly wouldRefuse: (exchange: Exchange) => void
}

interface Places {
  readonly rule: ConcurrencyRule
  readonly keyOf: ReadRequestKey
  /** The places taken, by key; a key without one is absent. */
  readonly taken: Map<string, number>
}

const LIMITED = new GatewayError('WG_CONCURRENCY_LIMITED', { headers: { 'retry-after': '1' } })

/**
 * Limits how many requests are under way at once in this process. All rules must have a place for a request, which it gives
 * back when its answer is over, however it ends. One that is refused gets 429 WG_CONCURRENCY_LIMITED.
 *
 * @param levels the rule of each level, outer first
 */
export function createConcurrency(
  levels: readonly LevelRule<ConcurrencyRule>[],
  { wouldRefuse }: ConcurrencyTools,
): Policy {
  const all = levels.map(
    ({ rule }): Places => ({
      rule,
      keyOf: compileRequestKey(rule.key ?? 'route', { whenMissing: 'address' }),
      taken: new Map(),
    }),
  )
  return {
    onAuthorized: exchange => {
      // The event that gives places back is over for a client that has left.
      if (exchange.response.destroyed) return undefined
      const counting = all.filter(({ rule }) => !exchange.isWebSocket || rule.webSockets === true)
      const wanted = counting.map(places => ({ places, key: places.keyOf(exchange)! }))
      const full = wanted.filter(({ places, key }) => (places.taken.get(key) ?? 0) >= places.rule.limit)
      if (full.some(({ places }) => places.rule.enforce !== false)) throw LIMITED
      if (full.length > 0) wouldRefuse(exchange)
      if (wanted.length === 0 || exchange.isDry) return undefined
      for (const { places, key } of wanted) places.taken.set(key, (places.taken.get(key) ?? 0) + 1)
      exchange.response.once('close', () => {
        for (const { places, key } of wanted) giveBack(places.taken, key)
      })
      return undefined
    },
  }
}

function giveBack(taken: Map<string, number>, key: string): void {
  const left = taken.get(key)! - 1
  if (left > 0) taken.set(key, left)
  else taken.delete(key)
}
