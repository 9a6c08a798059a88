import type { Figures, Sample } from '../routes/admin/api-types.ts'

/** The length of a step, as the gateway keeps them. */
export const STEP_MS = 5_000
/** How far back figures go. */
export const KEPT_MS = 600_000
/** Over how much time present rates are taken: long enough that the figures stand still to be read. */
export const RATE_MS = 5_000
/** What was told so long ago, or longer, is shown as it was and marked. */
export const STALE_MS = 3_000
/** As {@link RATE_MS}, for quantiles, which need more requests. */
const QUANTILE_MS = 15_000
/** The traffic before and after a change is that of so much time. */
const MINUTE = 60_000
/** After so long without a word, there are no present figures. */
export const FORGOTTEN_MS = QUANTILE_MS

/** What requests of the last seconds were like. */
export interface Present {
  /** Requests a second. */
  readonly rate: number
  /** Shares of the requests, 0 to 1; null without requests. */
  readonly share4: number | null
  readonly share5: number | null
  readonly p50: number | null
  readonly p99: number | null
  /** Whether nothing was told of them for a while, so that this is of the last time. */
  readonly isStale: boolean
}

/** Requests a second, and the share of them that was answered 5xx. */
export interface Traffic {
  readonly rate: number
  readonly share5: number
}

/** No requests. */
export const IDLE: Present = { rate: 0, share4: null, share5: null, p50: null, p99: null, isStale: false }

/** The last ten minutes of a route, of a service or of all requests, in steps of 5 s, and the last seconds one by one. */
export class Series {
  /** Oldest first; steps without requests are left out. */
  samples: Sample[] = []
  /** What was counted in the last second that was told. */
  latest: Figures | undefined
  #recent: Sample[] = []
  /** The time of the last second that was told. */
  #at = 0

  /** Takes over what the gateway has kept, which is whole where this page saw only a part of a step. */
  replace(samples: readonly Sample[]): void {
    const last = samples.at(-1)?.t ?? 0
    this.samples = [...samples, ...this.samples.filter(({ t }) => t > last)]
    if (this.#recent.length === 0) this.#recent = samples.slice(-1)
  }

  /** Adds what was counted in the second that ended at `t`. */
  add(t: number, figures: Figures): void {
    this.latest = figures
    this.#at = t
    this.#recent.push({ t, figures })
    while (this.#recent[0]!.t <= t - QUANTILE_MS) this.#recent.shift()
    if (figures[0] === 0) return
    const end = Math.ceil(t / STEP_MS) * STEP_MS
    const last = this.samples.at(-1)
    if (last && last.t >= end)
      this.samples[this.samples.length - 1] = { t: last.t, figures: sum(last, figures) }
    else this.samples.push({ t: end, figures })
    while (this.samples[0]!.t < t - KEPT_MS) this.samples.shift()
  }

  /**
   * Returns the figures of the seconds before `now`, on the clock of the gateway, or of those before the last one that was told if
   * it had requests: how many there are by now is not known then. After 15 s it is forgotten.
   */
  present(now: number): Present {
    const isStale =
      this.latest !== undefined &&
      this.latest[0] > 0 &&
      now - this.#at > STALE_MS &&
      now - this.#at <= FORGOTTEN_MS
    const end = isStale ? this.#at : now
    let [n, c4, c5] = [0, 0, 0]
    for (const { t, figures } of this.#recent) {
      if (t <= end - RATE_MS) continue
      n += figures[0]
      c4 += figures[1]
      c5 += figures[2]
    }
    if (n === 0) return IDLE
    const latest = this.#recent.filter(({ t, figures }) => t > end - QUANTILE_MS && figures[0] > 0)
    return {
      rate: (n * 1000) / RATE_MS,
      share4: c4 / n,
      share5: c5 / n,
      p50: weighted(latest, 3),
      p99: greatest(latest),
      isStale,
    }
  }

  /** Counts requests between two times, and those answered 5xx. */
  between(from: number, to: number): { readonly n: number; readonly c5: number } {
    const inside = this.samples.filter(({ t }) => t > from && t <= to)
    return {
      n: inside.reduce((total, { figures }) => total + figures[0], 0),
      c5: inside.reduce((total, { figures }) => total + figures[2], 0),
    }
  }

  /**
   * Compares the minute before a time with the one after it; undefined when too little of them is known.
   *
   * @param now the clock of the gateway
   * @param since when the gateway began to count
   */
  around(
    at: number,
    now: number,
    since: number,
  ): { readonly before: Traffic; readonly after: Traffic } | undefined {
    const from = Math.max(at - MINUTE, since)
    const until = Math.min(at + MINUTE, now)
    // What was before the first step that is kept is not known.
    if (at - MINUTE < now - KEPT_MS || Math.min(at - from, until - at) < STEP_MS) return undefined
    const [before, after] = [this.#traffic(from, at), this.#traffic(at, until)]
    return before.rate + after.rate === 0 ? undefined : { before, after }
  }

  #traffic(from: number, to: number): Traffic {
    const { n, c5 } = this.between(from, to)
    return { rate: (n * 1000) / (to - from), share5: n === 0 ? 0 : c5 / n }
  }
}

function sum({ figures: a }: Sample, b: Figures): Figures {
  const p50 = b[3] === null ? a[3] : a[3] === null ? b[3] : (a[3] * a[0] + b[3] * b[0]) / (a[0] + b[0])
  const retries = (a[5] ?? 0) + (b[5] ?? 0)
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2], p50, greater(a[4], b[4]), retries]
}

function greater(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b)
}

function weighted(samples: readonly Sample[], field: 3): number | null {
  let [total, count] = [0, 0]
  for (const { figures } of samples) {
    const value = figures[field]
    if (value === null) continue
    total += value * figures[0]
    count += figures[0]
  }
  return count === 0 ? null : total / count
}

function greatest(samples: readonly Sample[]): number | null {
  return samples.reduce<number | null>((most, { figures }) => greater(most, figures[4]), null)
}
