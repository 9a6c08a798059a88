import type { Charge, Verdict } from '../../internal/limits/counters.ts'

/** Refusals beyond so many are forgotten, the oldest first. */
const MAX_REFUSALS = 10_000
/** The longest time that a refusal is repeated for without asking the store, so that a count that was reset takes effect. */
const LONGEST_MS = 10_000

/** A charge that the store has refused, with all that was asked in the same call. */
interface Refusal {
  readonly cost: number
  /** A rule that has changed is asked about again. */
  readonly limit: number
  readonly burst: number
  readonly keys: readonly string[]
  readonly verdicts: readonly Verdict[]
  readonly at: number
  readonly until: number
}

/**
 * Repeats refusals of the store until their time is up, for 10 s at most, so that a flood of refused requests does not become
 * a flood on the store.
 */
export class DenyMemory {
  readonly #refusals = new Map<string, Refusal>()

  /** @param now milliseconds on the monotonic clock */
  remember(
    charges: readonly Charge[],
    keys: readonly string[],
    verdicts: readonly Verdict[],
    now: number,
  ): void {
    for (const [i, { allowed, retryMs }] of verdicts.entries()) {
      if (allowed) continue
      const { cost, rule } = charges[i]!
      this.#refusals.delete(keys[i]!)
      this.#refusals.set(keys[i]!, {
        ...{ cost, limit: rule.limit, burst: rule.burst, keys, verdicts },
        ...{ at: now, until: now + Math.min(retryMs, LONGEST_MS) },
      })
      if (this.#refusals.size > MAX_REFUSALS) this.#refusals.delete(this.#refusals.keys().next().value!)
    }
  }

  /**
   * Returns the verdicts on charges of which one is known to be refused; undefined when the store must be asked. Of a rule
   * that was not asked with the refused one, it says that all of its requests remain.
   */
  recall(charges: readonly Charge[], keys: readonly string[], now: number): readonly Verdict[] | undefined {
    if (this.#refusals.size === 0) return undefined
    for (const [i, charge] of charges.entries()) {
      const key = keys[i]!
      const refusal = this.#refusals.get(key)
      if (refusal === undefined) continue
      if (refusal.until <= now) {
        this.#refusals.delete(key)
        continue
      }
      const { limit, burst } = charge.rule
      if (charge.cost < refusal.cost || limit !== refusal.limit || burst !== refusal.burst) continue
      return keys.map((each, j) => {
        const known = refusal.keys.indexOf(each)
        return known === -1 ? untouched(charges[j]!) : later(refusal.verdicts[known]!, now - refusal.at)
      })
    }
    return undefined
  }
}

function untouched({ rule }: Charge): Verdict {
  const remaining = rule.algorithm === 'gcra' ? rule.burst : rule.limit
  return { allowed: true, remaining, nextMs: 0, retryMs: 0 }
}

function later(verdict: Verdict, elapsedMs: number): Verdict {
  const rest = (ms: number) => Math.max(0, Math.ceil(ms - elapsedMs))
  const retryMs = rest(verdict.retryMs)
  return { ...verdict, allowed: verdict.allowed || retryMs === 0, nextMs: rest(verdict.nextMs), retryMs }
}
