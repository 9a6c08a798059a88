import { TimeSamples } from '../time-samples.ts'

/** Before anything is known. */
const INITIAL = 100
/** Where the arithmetic has its lower end: below, the headroom alone is more. */
const LEAST = 2
/** By how much answers may take longer than the shortest time before the limit shrinks: a share of it, or so long. */
const BUFFER = 1.25
const SLACK_MS = 5
/** Of the event loop, for each of which an answer may wait to be read: on its way, and while it is timed. */
const SLACK_TURNS = 2
/** A window is at least this long, and has at least so many samples. */
const WINDOW_MS = 100
const WINDOW_SAMPLES = 20
/** The same for what the shortest time is taken from: the least of many medians is too low where each is of few. */
const SLOT_MS = 1_000
const SLOT_SAMPLES = 50
/** How long the shortest time is believed while answers take longer; the very first one, from who knows what load. */
const BELIEVED_MS = 10_000
const FIRST_BELIEVED_MS = 1_000
/** Within this share of it, answers are as quick as ever. */
const AS_EVER = 1.1
/** A look at low concurrency takes so many samples, or this time with those of a window. */
const PROBE_SAMPLES = 100
const PROBE_MS = 400
/** It is given up after this time, or after so many times as long as an answer took. */
const PROBE_GIVEN_UP_MS = 2_000
const PROBE_GIVEN_UP_TIMES = 10
/**
 * With half as many under way, answers that take these shares of the time were not waiting for each other. Below, they
 * were; above, what they are compared with was measured before there was a queue, or the service has changed.
 */
const NOT_QUEUED = { least: 0.75, most: 1.3 } as const
/** A look confirms what was known where its median is within these shares of it. */
const CONFIRMED = { least: 0.8, most: 1.25 } as const
const KEPT_SAMPLES = 512

/** A look at how long answers take with less under way. */
interface Probe {
  readonly limit: number
  readonly since: number
  /** The median with twice as much under way. */
  readonly before: number
}

/**
 * How many requests a service can have under way before its answers only take longer: arithmetic alone, with the time
 * handed in.
 *
 * Per window, `limit = gradient * limit + sqrt(gradient * limit)`, where the gradient is the shortest time an answer
 * takes, and a quarter (or 5 ms), by the median of the window, 0.5 to 2. A service of c workers that is given more than
 * it can do comes to rest at 1.25 c and a root: all workers busy, and a short queue before them. The limit grows only
 * where half of it was used, since else nothing was learned, and so stays within reach of what was seen to work.
 *
 * The shortest time is the least median of the last 10 s. Under permanent overload no answer shows it any more, so when
 * it is that old and answers take longer, the limit is halved until a median is known (a probe); and halved again
 * as long as answers then take accordingly less, since they still waited for each other. The same is done when the
 * limit has come down to half and answers are no quicker: then the service has become slower, not fuller.
 *
 * After each change, answers are not looked at for as long as one takes: they would tell of the limit before.
 *
 * Sources: the gradient controller of Envoy's adaptive concurrency filter, which measures the shortest time by holding
 * concurrency at 3 for 50 requests, at the cost of most of them; the filtered minimum with a short drain is that of
 * BBR (Cardwell et al., ACM Queue 2016). Not Netflix's Gradient2 (concurrency-limits), which compares with a long
 * average: under permanent overload that average becomes the overload's, and the limit drifts upwards.
 */
export class GradientLimit {
  readonly #window = new TimeSamples(KEPT_SAMPLES)
  readonly #slot = new TimeSamples(KEPT_SAMPLES)
  readonly #loopTurnMs: () => number
  #limit: number
  #max: number
  /** The most that was under way in this window. */
  #peak = 0
  /** Answers count from then on. */
  #windowAt: number
  #slotAt: number
  /** The shortest time, milliseconds; undefined before it is known. */
  #shortest: number | undefined = undefined
  /** Until when it is believed while answers take longer. */
  #believedUntil = 0
  /** The largest limit since it was last seen. */
  #ceiling: number
  #probe: Probe | undefined = undefined
  /** Whether the first answers are over. */
  #isRunning = false

  /**
   * @param max the limit never exceeds it; at least 1
   * @param now milliseconds on the monotonic clock, here and below
   * @param loopTurnMs how long a turn of the event loop takes at the moment: answers seem to take longer by it
   */
  constructor(max: number, now: number, loopTurnMs: () => number = () => 0) {
    this.#loopTurnMs = loopTurnMs
    this.#max = max
    this.#limit = Math.min(INITIAL, max)
    this.#ceiling = this.#limit
    this.#windowAt = now
    this.#slotAt = now
  }

  /** How many may be under way now; a whole number, at least 1. */
  get limit(): number {
    return this.#probe?.limit ?? Math.floor(this.#limit)
  }

  set max(max: number) {
    this.#max = max
    this.#set(this.#limit)
  }

  /** @param underWay requests, with the one that begins */
  began(underWay: number, now: number): void {
    if (underWay > this.#peak) this.#peak = underWay
    const probe = this.#probe
    if (!probe) return
    const patienceMs = Math.max(PROBE_GIVEN_UP_MS, PROBE_GIVEN_UP_TIMES * probe.before)
    if (now - probe.since <= patienceMs) return
    // Nobody asks any more, or nothing is answered.
    this.#probe = undefined
    this.#believedUntil = now + BELIEVED_MS
    this.#ceiling = this.#limit
    this.#beginAnew(now)
  }

  /** The head of an answer has come that says how long the service takes. @param begunAt when its request began */
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
      // Of what has just begun, the quick answers come first.
      this.#isRunning = true
      this.#windowAt = now + 2 * median
      return
    }
    if (this.#shortest === undefined) {
      this.#shortest = median
      this.#believedUntil = now + FIRST_BELIEVED_MS
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
    if (median <= this.#atMost(AS_EVER, 0.5)) {
      this.#shortest = Math.min(median, shortest)
      this.#believedUntil = now + BELIEVED_MS
    } else if (now >= this.#believedUntil) {
      // Where the limit is far, it is not we who make answers slow.
      if (isUsed) this.#startProbe(median, this.#limit / 2, now)
      else {
        this.#shortest = median
        this.#believedUntil = now + BELIEVED_MS
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
    this.#believedUntil = now + BELIEVED_MS
    this.#set(2 * limit)
    this.#ceiling = this.#limit
    this.#beginAnew(now + median)
  }

  /** The shortest time and what may come to it: a share, or a share of the slack where that is more. */
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
    this.#limit = Math.min(this.#max, Math.max(LEAST, limit))
  }
}
