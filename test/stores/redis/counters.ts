import type { Charge, CountedRule, Verdict } from '../../../internal/limits/counters.ts'
import { RedisCounters, type RedisCountersOptions } from '../../../stores/redis/redis-counters.ts'
import { until } from '../../support/until.ts'

export interface TestCounters extends AsyncDisposable {
  readonly counters: RedisCounters
  /** What `onChange` was called with: the message of the reason, or `up`. */
  readonly changes: readonly string[]
  /** How often each result came. */
  readonly results: Readonly<Record<string, number>>
  /** Seconds that each call took. */
  readonly seconds: readonly number[]
  readonly dropped: number
  /** Takes charges, and resolves with the verdicts. */
  take(...charges: readonly Charge[]): Promise<readonly Verdict[]>
  untilUp(): Promise<void>
}

/**
 * Opens counters. They wait 10 s for answers unless `options` says something else, because a busy machine must not fail a
 * test that is about something else.
 */
export function openCounters(
  url: string | readonly string[],
  options: Partial<RedisCountersOptions> = {},
): TestCounters {
  const changes: string[] = []
  const results: Record<string, number> = {}
  const seconds: number[] = []
  let dropped = 0
  const counters = new RedisCounters({
    urls: [url].flat(),
    isCluster: false,
    timeoutMs: 10_000,
    retryMs: 100,
    prefix: 'test:',
    clock: 'store',
    onChange: away => changes.push(away ? away.message : 'up'),
    onResult(result, took) {
      results[result] = (results[result] ?? 0) + 1
      if (took !== undefined) seconds.push(took)
    },
    onDropped(count) {
      dropped += count
    },
    ...options,
  })
  return {
    ...{ counters, changes, results, seconds },
    get dropped() {
      return dropped
    },
    take: async (...charges) => counters.take(charges),
    untilUp: async () => void (await until('the store is up', () => counters.isUp)),
    async [Symbol.asyncDispose]() {
      counters.close()
    },
  }
}

/** Opens counters, and resolves when the store is up. */
export async function openUp(...args: Parameters<typeof openCounters>): Promise<TestCounters> {
  const store = openCounters(...args)
  await store.untilUp()
  return store
}

/** Makes a rule; 10 in a second unless `rule` says something else. */
export function ruleOf(rule: Partial<CountedRule> = {}): CountedRule {
  const { limit = 10 } = rule
  return { id: 'r', algorithm: 'gcra', windowMicros: 1_000_000, burst: limit, ...rule, limit }
}

export function chargeOf(rule: CountedRule, key = 'k', charge: Partial<Charge> = {}): Charge {
  return { rule, key, cost: 1, isTest: false, ...charge }
}

/** The options for counters of which the clock stands still. */
export function standingAt(micros: number): Partial<RedisCountersOptions> {
  return { clock: 'gateway', clocks: { wallMicros: () => micros, monotonicMs: () => micros / 1_000 } }
}
