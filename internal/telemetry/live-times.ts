/** 8 for each doubling of the time, from 1/16 ms to 65,536 ms. */
const BUCKETS = 160
const BUCKETS_A_DOUBLING = 8
/** The exponent of 1/16. */
const FIRST_EXPONENT = -4
/** A bucket that has counted so many makes all counts half as large, long before one overflows. */
const MAX_COUNT = 2 ** 31

/** Lets the bits of a number be read. Which half has the exponent depends on the machine. */
const number = new Float64Array(1)
const halves = new Uint32Array(number.buffer)
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0
/** The highest bits of 1/16: 11 of the exponent, whose bias is 1,023, and 3 of the fraction. */
const FIRST_BITS = (1_023 + FIRST_EXPONENT) * BUCKETS_A_DOUBLING

/** Bucket and count, by turns, without empty buckets. */
export type BucketPairs = readonly number[]

/**
 * Counts times in buckets that grow with the time, so that any quantile is known to within 6 percent. It takes about 800
 * bytes. A time below 1/16 ms counts as 1/16 ms, and one above 65 s as 65 s.
 */
export class LiveTimes {
  readonly counts = new Uint32Array(BUCKETS)

  /** @param ms milliseconds, not negative */
  add(ms: number): void {
    number[0] = ms
    const bucket = (halves[HIGH]! >>> 17) - FIRST_BITS
    const index = bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket
    if (++this.counts[index]! >= MAX_COUNT) this.#halve()
  }

  #halve(): void {
    for (let i = 0; i < BUCKETS; i++) this.counts[i]! >>>= 1
  }

  /** Returns the buckets that have counted anything since the start. */
  pairs(): BucketPairs {
    return pairsOf(this.counts)
  }
}

/** What a {@link LiveTimes} has counted up to some moment. */
export class TimesMark {
  readonly #counts = new Uint32Array(BUCKETS)

  /** Returns what was counted since this was called last, or since the mark was made, and moves the mark. */
  take(times: LiveTimes): BucketPairs {
    const { counts } = times
    const pairs = pairsOf(counts, this.#counts)
    this.#counts.set(counts)
    return pairs
  }
}

function pairsOf(counts: Uint32Array, before?: Uint32Array): BucketPairs {
  const pairs: number[] = []
  for (let i = 0; i < BUCKETS; i++) {
    const count = counts[i]! - (before?.[i] ?? 0)
    // It is negative when the counts were halved in between.
    if (count > 0) pairs.push(i, count)
  }
  return pairs
}

/** Adds up buckets, such as those of several processes. */
export function addPairs(a: BucketPairs, b: BucketPairs): BucketPairs {
  if (a.length === 0) return b
  if (b.length === 0) return a
  const sums = new Map<number, number>()
  for (const pairs of [a, b]) {
    for (let i = 0; i < pairs.length; i += 2) sums.set(pairs[i]!, (sums.get(pairs[i]!) ?? 0) + pairs[i + 1]!)
  }
  return [...sums].sort(([one], [other]) => one - other).flat()
}

/**
 * Returns the time in milliseconds that a share of the counted times did not exceed, such as 0.99; null when nothing was
 * counted. It is off by at most 6 percent.
 */
export function quantileOf(pairs: BucketPairs, share: number): number | null {
  let total = 0
  for (let i = 1; i < pairs.length; i += 2) total += pairs[i]!
  if (total === 0) return null
  const wanted = Math.max(1, Math.ceil(share * total))
  let seen = 0
  let at = 0
  while (seen + pairs[at + 1]! < wanted) {
    seen += pairs[at + 1]!
    at += 2
  }
  return middleOf(pairs[at]!)
}

/** The time for which the greatest error is smallest, relative to the times of the bucket: the harmonic mean of its bounds. */
function middleOf(bucket: number): number {
  const low = boundOf(bucket)
  const high = boundOf(bucket + 1)
  return roundMs((2 * low * high) / (low + high))
}

function boundOf(bucket: number): number {
  const fraction = 1 + (bucket % BUCKETS_A_DOUBLING) / BUCKETS_A_DOUBLING
  return fraction * 2 ** (Math.floor(bucket / BUCKETS_A_DOUBLING) + FIRST_EXPONENT)
}

/** Rounds a time to microseconds. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}
