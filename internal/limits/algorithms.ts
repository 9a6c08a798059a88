import type { Charge, CountedRule } from './counters.ts'

/** What is counted under one key. */
export interface Count {
  /** When nothing is left of it, microseconds since 1970. It can be forgotten then. */
  until: number
  /** For `fixed`: what the window was charged. */
  charged: number
  /** For `exact`: the time of each request of the last window, oldest first; one of cost 2 is there twice. */
  log: number[] | undefined
}

/** How one algorithm counts. Times are whole microseconds since 1970; `now` may go back, as clocks do. */
interface Algorithm {
  /**
   * Corrects a count that is further ahead than it can be, because the clock was set back or the limit was changed. Call it
   * before the others: only a correction that is kept lets the count run out.
   */
  correct(count: Count, charge: Charge, now: number): void
  /** Returns the microseconds until a request of this cost would be admitted; 0 = now, Infinity = never. */
  wait(count: Readonly<Count>, charge: Charge, cost: number, now: number): number
  /** Returns how many requests of cost 1 would be admitted at once. */
  remaining(count: Readonly<Count>, charge: Charge, now: number): number
  /** Charges a request, whether it would be admitted or not. */
  charge(count: Count, charge: Charge, now: number): void
  /**
   * Takes a charge back that was made a moment ago, as far as it has not run out, and nothing of what was charged since.
   *
   * @param until `count.until` right after the charge
   */
  refund(count: Count, charge: Charge, until: number, now: number): void
}

/** A count that was charged nothing. Never written to. */
export const NOTHING_COUNTED: Readonly<Count> = { until: 0, charged: 0, log: undefined }

/** Returns the time after which one more request fits in, whole microseconds. */
function intervalOf({ windowMicros, limit }: Pick<CountedRule, 'windowMicros' | 'limit'>): number {
  return Math.ceil(windowMicros / limit)
}

/**
 * The generic cell rate algorithm (ITU-T I.371). It keeps one number, the theoretical arrival time: the time at which a
 * client that had kept to the rate would have sent what it has sent. `until` is that time. A client may be ahead of it by
 * the tolerance, which is `burst` intervals.
 *
 * In any window it admits at most `burst + limit` requests.
 */
const gcra: Algorithm = {
  correct(count, { rule }, now) {
    const interval = intervalOf(rule)
    const tolerance = interval * rule.burst
    if (count.until > now + tolerance + interval) count.until = now + tolerance
  },
  wait({ until }, { rule }, cost, now) {
    const interval = intervalOf(rule)
    const tolerance = interval * rule.burst
    if (interval * cost > tolerance) return Infinity
    return Math.max(0, Math.max(until, now) + interval * cost - tolerance - now)
  },
  remaining({ until }, { rule }, now) {
    const interval = intervalOf(rule)
    return Math.max(0, Math.floor((now + interval * rule.burst - Math.max(until, now)) / interval))
  },
  charge(count, { rule, cost }, now) {
    count.until = Math.max(count.until, now) + intervalOf(rule) * cost
  },
  refund(count, { rule, cost }, until, now) {
    // What has run out is gone: given back, it would have saved up time in which nobody came.
    count.until -= Math.min(intervalOf(rule) * cost, Math.max(0, until - now))
  },
}

/** Remembers when each request came, and admits no more than `limit` in any window. */
const exact: Algorithm = {
  correct({ log = [] }, _charge, now) {
    for (let i = log.length - 1; i >= 0 && log[i]! > now; i--) log[i] = now
  },
  wait(count, { rule: { limit, windowMicros } }, cost, now) {
    if (cost > limit) return Infinity
    const begin = windowBegin(count, windowMicros, now)
    const { log = [] } = count
    const tooMany = log.length - begin + cost - limit
    if (tooMany <= 0) return 0
    return log[begin + tooMany - 1]! + windowMicros - now
  },
  remaining(count, { rule: { limit, windowMicros } }, now) {
    return Math.max(0, limit - (count.log?.length ?? 0) + windowBegin(count, windowMicros, now))
  },
  charge(count, { rule: { windowMicros }, cost }, now) {
    count.log ??= []
    const { log } = count
    log.splice(0, windowBegin(count, windowMicros, now))
    for (let i = 0; i < cost; i++) log.push(now)
    if (log.length > 0) count.until = log[log.length - 1]! + windowMicros
  },
  refund({ log = [] }, { rule: { windowMicros }, cost }, until) {
    const first = log.indexOf(until - windowMicros)
    if (first !== -1) log.splice(first, cost)
  },
}

/** Returns the index of the first request of the window that ends now. */
function windowBegin({ log = [] }: Readonly<Count>, windowMicros: number, now: number): number {
  let begin = 0
  while (begin < log.length && log[begin]! <= now - windowMicros) begin++
  return begin
}

/** Counts each window of the clock by itself. */
const fixed: Algorithm = {
  // A window of another time counts nothing.
  correct() {},
  wait(count, charge, cost, now) {
    const { limit } = charge.rule
    if (cost > limit) return Infinity
    return chargedOf(count, charge, now) + cost <= limit ? 0 : windowEnd(charge, now) - now
  },
  remaining(count, charge, now) {
    return Math.max(0, charge.rule.limit - chargedOf(count, charge, now))
  },
  charge(count, charge, now) {
    count.charged = chargedOf(count, charge, now) + charge.cost
    count.until = windowEnd(charge, now)
  },
  refund(count, { cost }, until) {
    // Nothing is left of a window that is over.
    if (count.until === until) count.charged -= cost
  },
}

function chargedOf({ until, charged }: Readonly<Count>, charge: Charge, now: number): number {
  return until === windowEnd(charge, now) ? charged : 0
}

function windowEnd({ rule: { windowMicros }, windowEndsAt }: Charge, now: number): number {
  if (windowEndsAt !== undefined) return windowEndsAt * 1_000
  return (Math.floor(now / windowMicros) + 1) * windowMicros
}

/** How requests are counted, by the name of the algorithm. */
export const COUNTING: Readonly<Record<CountedRule['algorithm'], Algorithm>> = { gcra, exact, fixed }
