import { randomFillSync } from 'node:crypto'
import { getAllHeaders } from '../../internal/http/header-lines.ts'
import { Trace } from '../../internal/trace/trace.ts'
import {
  parseTraceparent,
  readBaggage,
  readTracestate,
  type TraceParent,
} from '../../internal/trace/trace-context.ts'
import type { StartTrace } from './open-exchange.ts'

export interface StartTraceOptions {
  /** The share of traces that begin here and are kept: 0..1. */
  readonly sampleRatio: number
  /** Whose word is taken on the trace of a request: that of trusted proxies, everybody's or nobody's. */
  readonly trust: 'trusted-proxies' | 'all' | 'none'
}

/**
 * Creates the function that begins traces. A caller that is believed has its trace continued, and decides whether it is kept.
 * Whatever another one sends ends here: a new trace begins, which has a link to what was sent.
 */
export function createStartTrace({ sampleRatio, trust }: StartTraceOptions): StartTrace {
  const random = new RandomDigits()
  const newSpanId = () => random.take().slice(0, SPAN_DIGITS)
  const isKept = createSampler(sampleRatio)
  return (lines, isProxied) => {
    const digits = random.take()
    const sent = lines === undefined ? undefined : parentIn(lines)
    const isTrusted = trust === 'all' || (trust === 'trusted-proxies' && isProxied)
    const baggage = isTrusted && lines !== undefined ? getAllHeaders(lines, 'baggage') : undefined
    const believed = isTrusted ? sent : undefined
    const traceId = believed === undefined ? digits.slice(2 * SPAN_DIGITS) : believed.traceId
    const state = believed === undefined ? undefined : getAllHeaders(lines!, 'tracestate')
    return new Trace(
      {
        traceId,
        spanId: digits.slice(0, SPAN_DIGITS),
        firstTryId: digits.slice(SPAN_DIGITS, 2 * SPAN_DIGITS),
        parentId: believed?.spanId,
        isSampled: believed === undefined ? isKept(traceId) : believed.isSampled,
        isRandom: believed === undefined || believed.isRandom,
        state: state === undefined ? undefined : readTracestate(state),
        baggage: baggage === undefined ? undefined : readBaggage(baggage),
        link: believed === undefined ? sent : undefined,
      },
      newSpanId,
    )
  }
}

/** Two lines of `traceparent` say as little as a malformed one. */
function parentIn(lines: readonly string[]): TraceParent | undefined {
  const value = getAllHeaders(lines, 'traceparent')
  return value === undefined ? undefined : parseTraceparent(value)
}

const RANDOM_BITS = 56

/**
 * Creates the test whether a trace is kept, by the random part of its id: its last 56 bits. All gateways with the same ratio
 * agree, and so do OpenTelemetry's consistent samplers.
 */
function createSampler(ratio: number): (traceId: string) => boolean {
  const dropped = Math.round((1 - ratio) * 2 ** RANDOM_BITS)
  if (dropped >= 2 ** RANDOM_BITS) return () => false
  const threshold = BigInt(dropped)
    .toString(16)
    .padStart(RANDOM_BITS / 4, '0')
  return traceId => traceId.slice(-RANDOM_BITS / 4) >= threshold
}

/** Of the id of a span. That of a trace has twice as many. */
const SPAN_DIGITS = 16
/** Those of a request whose trace begins here and that needs one try. */
const TAKEN_DIGITS = 4 * SPAN_DIGITS
const POOL_DIGITS = 256 * TAKEN_DIGITS

/**
 * Hands out hexadecimal digits from a pool of random bytes, since asking for 16 of them costs more than all else of a trace. The
 * ids of a request are parts of one text, because each text that is made from bytes costs several times as much as a part.
 */
class RandomDigits {
  readonly #words = new BigUint64Array(POOL_DIGITS / SPAN_DIGITS)
  readonly #digits = Buffer.allocUnsafeSlow(POOL_DIGITS)
  #used = POOL_DIGITS

  /** Returns 64 digits, no 16 of which, counted from the first, are all zero. */
  take(): string {
    if (this.#used === POOL_DIGITS) this.#fill()
    this.#used += TAKEN_DIGITS
    return this.#digits.toString('latin1', this.#used - TAKEN_DIGITS, this.#used)
  }

  #fill(): void {
    do randomFillSync(this.#words)
    while (this.#words.includes(0n))
    this.#digits.write(Buffer.from(this.#words.buffer).toString('hex'), 'latin1')
    this.#used = 0
  }
}
