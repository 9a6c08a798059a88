import { TimeSamples } from '../time-samples.ts'

/** The limit before anything is known. */
const INITIAL = 100
/** The lower bound of the computed limit; below it, the headroom alone would be larger than the limit. */
const MIN_LIMIT = 2
/**
 * By how much answers may take longer than the shortest time before the limit shrinks: by this factor, or by so long.
 */
const BUFFER = 1.25
const SLACK_MS = 5
/** An answer may wait for a turn of the event loop twice: when it is read, and when its time is taken. */
const SLACK_TURNS = 2
/** A window lasts at least this long and has at least this many samples. */
const WINDOW_MS = 100
const WINDOW_SAMPLES = 20
/**
 * The shortest time is taken from slots, which are longer than windows: the least of many medians is too low when each
 * of them is of few samples.
 */
const SLOT_MS = 1_000
const SLOT_SAMPLES = 50
/**
 * How long the shortest time is trusted while answers take longer. The first one is trusted for less time, because
 * nobody knows under which load it was measured.
 */
const TRUSTED_MS = 10_000
const FIRST_TRUSTED_MS = 1_000
/** Answers within this factor of the shortest time count as equally fast. */
const EQUALLY_FAST = 1.1
/** A probe ends after this many samples, or after this time with the samples of a window. */
const PROBE_SAMPLES = 100
const PROBE_MS = 400
/** A probe is given up after this time, or after this many times the duration of an answer. */
const PROBE_MAX_MS = 2_000
const PROBE_MAX_TIMES = 10
/**
 * A probe halves the requests in flight. Answers whose time then stays within these factors were not waiting for each
 * other. Below the range they were. Above it, the earlier time was measured before there was a queue, or the service
 * has changed.
 */
const NOT_QUEUED = { least: 0.75, most: 1.3 } as const
/** A probe confirms the shortest time when its median is within these factors of it. */
const CONFIRMED = { least: 0.8, most: 1.25 } as const
const KEPT_SAMPLES = 512

/** Measures how long answers take with fewer requests in flight. */
interface Probe {
  readonly limit: number
  readonly since: number
  /** The median with twice as many requests in flight. */
  readonly before: number
}

/**
 * Finds the number of requests in flight at a service beyond which its answers only take longer. It is arithmetic
 * alone; the time is passed in.
 *
 * For each window, `limit = gradient * limit + sqrt(gradient * limit)`. The gradient is the shortest time of an answer,
 * plus a quarter or 5 ms, divided by the median of the window, and bounded to 0.5 to 2. Under more load than it can
 * handle, a service with c workers settles at 1.25 c and a square root: all workers are busy, and a short queue waits
 * for them. The limit grows only when half of it was used, because otherwise nothing was learned. So it stays near
 * values that were seen to work.
 *
 * The shortest time is the least median of the last 10 s. Under permanent overload no answer shows it any longer. So
 * when it is that old and answers take longer, a probe halves the limit until a median is known. The limit is halved
 * again as long as answers become faster in proportion, because they were still waiting for each other. A probe also
 * starts when the limit has come down to half and answers are no faster: the service is then slower, not fuller.
 *
 * After each change, answers are ignored for as long as one takes, because they belong to the limit before.
 *
 * Sources: the gradient controller of Envoy's adaptive concurrency filter, which measures the shortest time by holding
 * concurrency at 3 for 50 requests and refuses most others meanwhile; the filtered minimum with a short drain is that
 * of BBR (Cardwell et al., ACM Queue 2016). Netflix's Gradient2 (concurrency-limits) compares with a long average
 * instead: under permanent overload that average becomes the overload's, and the limit drifts upwards.
 */
export class GradientLimit {
  readonly #window = new TimeSamples(KEPT_SAMPLES)
  readonly #slot = new TimeSamples(KEPT_SAMPLES)
  readonly #loopTurnMs: () => number
  #limit: number
  #max: number
  /** The most requests in flight during this window. */
  #peak = 0
  /** Answers that come before this time are ignored. */
  #windowAt: number
  #slotAt: number
  /** The shortest time of an answer, milliseconds; undefined until it is known. */
  #shortest: number | undefined = undefined
  /** Until when the shortest time is trusted while answers take longer. */
  #trustedUntil = 0
  /** The largest limit since the shortest time was last measured by a probe. */
  #ceiling: number
  #probe: Probe | undefined = undefined
  /** Whether the first window, which is discarded, has ended. */
  #isRunning = false

  /**
   * @param max upper bound of the limit; at least 1
   * @param now milliseconds on the monotonic clock, here and in the methods
   * @param loopTurnMs returns how long a turn of the event loop takes at the moment; measured times include it
   */
  constructor(max: number, now: number, loopTurnMs: () => number = () => 0) {
    this.#loopTurnMs = loopTurnMs
    this.#max = max
    this.#limit = Math.min(INITIAL, max)
    this.#ceiling = this.#limit
    this.#windowAt = now
    this.#slotAt = now
  }

  /** How many requests may be in flight now; a whole number, at least 1. */
  get limit(): number {
    return this.#probe?.limit ?? Math.floor(this.#limit)
  }

  set max(max: number) {
    this.#max = max
    this.#set(this.#limit)
  }

  /** Notes that a request begins. @param inFlight requests in flight, this one included */
  began(inFlight: number, now: number): void {
    if (inFlight > this.#peak) this.#peak = inFlight
    const probe = this.#probe
    if (!probe) return
    const maxMs = Math.max(PROBE_MAX_MS, PROBE_MAX_TIMES * probe.before)
    if (now - probe.since <= maxMs) return
    // Requests have stopped coming, or are not answered.
    this.#probe = undefined
    this.#trustedUntil = now + TRUSTED_MS
    this.#ceiling = this.#limit
    this.#beginAnew(now)
  }

  /** Notes the head of an answer that shows how long the service takes. @param begunAt when its request began */
  answered(begunAt: number, now: number): void {
    if (now < this.#windowAt) return
    const ms = now - begunAt
    this.#window.add(ms)
    const { count } = this.#window
    const lastedMs = now - this.#windowAt
    if (this.#probe) {
      const isEnough = count >= PROBE_SAMPLES ? lastedMs >= WINDOW_MS : lastedMs >= PROBE_MS
      if (isEnough && count >= WINDOW_SAMPLES) this.#endProbe(this.#probe, now)
      return
    }
    this.#slot.add(ms)
    if (lastedMs >= WINDOW_MS && count >= WINDOW_SAMPLES) this.#endWindow(now)
  }

  #endWindow(now: number): void {
    const median = this.#window.quantile(0.5)
    const isUsed = this.#peak >= this.#limit / 2
    this.#beginWindow(now)
    if (!this.#isRunning) {
      // The first window is biased: fast answers arrive before slow ones.
      this.#isRunning = true
      this.#windowAt = now + 2 * median
      return
    }
    if (this.#shortest === undefined) {
      this.#shortest = median
      this.#trustedUntil = now + FIRST_TRUSTED_MS
    }
    if (now - this.#slotAt >= SLOT_MS && this.#slot.count >= SLOT_SAMPLES) this.#endSlot(isUsed, now)
    if (!isUsed || this.#probe) return
    const gradient = this.#atMost(BUFFER, 1) / median
    if (gradient < 1 && this.#limit <= this.#ceiling / 2) {
      this.#startProbe(median, this.#limit / 2, now)
      return
    }
    const share = Math.min(2, Math.max(0.5, gradient))
    this.#set(share * this.#limit + Math.sqrt(share * this.#limit))
    this.#ceiling = Math.max(this.#ceiling, this.#limit)
    this.#windowAt = now + median
  }

  #endSlot(isUsed: boolean, now: number): void {
    const median = this.#slot.quantile(0.5)
    this.#slot.clear()
    this.#slotAt = now
    const shortest = this.#shortest!
    if (median <= this.#atMost(EQUALLY_FAST, 0.5)) {
      this.#shortest = Math.min(median, shortest)
      this.#trustedUntil = now + TRUSTED_MS
    } else if (now >= this.#trustedUntil) {
      // Far below the limit, the slowness is not caused by this gateway.
      if (isUsed) this.#startProbe(median, this.#limit / 2, now)
      else {
        this.#shortest = median
        this.#trustedUntil = now + TRUSTED_MS
      }
    }
  }

  #startProbe(before: number, limit: number, now: number): void {
    this.#probe = { limit: Math.max(1, Math.floor(limit)), since: now, before }
    this.#window.clear()
    this.#windowAt = now + before
  }

  #endProbe({ limit, before }: Probe, now: number): void {
    const median = this.#window.quantile(0.5)
    const isConfirmed = median <= this.#atMost(CONFIRMED.most, 1) && median >= this.#atLeast(CONFIRMED.least)
    if (!isConfirmed && !(median >= NOT_QUEUED.least * before && median <= NOT_QUEUED.most * before)) {
      const isSteady = median <= NOT_QUEUED.most * before
      if (!isSteady || limit > 1) {
        this.#startProbe(median, isSteady ? limit / 2 : limit, now)
        return
      }
    }
    this.#probe = undefined
    this.#shortest = median
    this.#trustedUntil = now + TRUSTED_MS
    this.#set(2 * limit)
    this.#ceiling = this.#limit
    this.#beginAnew(now + median)
  }

  /** The shortest time times `share`, or plus `ofSlack` of the slack where that is longer. */
  #atMost(share: number, ofSlack: number): number {
    const shortest = this.#shortest!
    return Math.max(share * shortest, shortest + ofSlack * this.#slackMs)
  }

  #atLeast(share: number): number {
    const shortest = this.#shortest!
    return Math.min(share * shortest, shortest - this.#slackMs)
  }

  get #slackMs(): number {
    return SLACK_MS + SLACK_TURNS * this.#loopTurnMs()
  }

  #beginWindow(at: number): void {
    this.#window.clear()
    this.#windowAt = at
    this.#peak = 0
  }

  #beginAnew(at: number): void {
    this.#beginWindow(at)
    this.#slot.clear()
    this.#slotAt = at
  }

  #set(limit: number): void {
    this.#limit = Math.min(this.#max, Math.max(MIN_LIMIT, limit))
  }
}
