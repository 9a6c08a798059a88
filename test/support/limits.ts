import { LocalCounters } from '../../internal/limits/local-counters.ts'
import type { LimitSettings } from '../../middleware/policies/limit-stage.ts'

/** Creates what rate limits share, with a store or without one. */
export function testLimits(shared?: LimitSettings['shared']): LimitSettings {
  const { timeOrigin } = performance
  const micros = () => Math.floor((timeOrigin + performance.now()) * 1_000)
  const local = new LocalCounters({ maxKeys: 100_000, now: micros, wallNow: micros })
  return { local, shared, headers: 'draft', processes: 1 }
}
