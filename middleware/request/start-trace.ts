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
  const newSpanId = () => random.take(16)
  const isKept = createSampler(sampleRatio)
  return (lines, isProxied) => {
    const spanId = newSpanId()
    const sent = lines === undefined ? undefined : parentIn(lines)
    const isTrusted = trust === 'all' || (trust === 'trusted-proxies' && isProxied)
    const baggage = isTrusted && lines !== undefined ? getAllHeaders(lines, 'baggage') : undefined
    const believed = isTrusted ? sent : undefined
    const traceId = believed === undefined ? random.take(32) : believed.traceId
    const state = believed === undefined ? undefined : getAllHeaders(lines!, 'tracestate')
    return new Trace(
      {
        traceId,
        spanId,
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

const POOL_BYTES = 8_192
const ZERO = 48

/** Hands out hexadecimal digits from a pool of random bytes, since asking for 16 of them costs more than all else of a trace. */
class RandomDigits {
  readonly #bytes = Buffer.allocUnsafeSlow(POOL_BYTES)
  readonly #digits = Buffer.allocUnsafeSlow(POOL_BYTES * 2)
  #used = POOL_BYTES * 2

  /** Returns digits that are not all zero: a string of its own, since what keeps an id for long should not keep the pool. */
  take(count: number): string {
    for (;;) {
      if (this.#used + count > this.#digits.length) {
        this.#digits.write(randomFillSync(this.#bytes).toString('hex'), 'latin1')
        this.#used = 0
      }
      this.#used += count
      const taken = this.#digits.toString('latin1', this.#used - count, this.#used)
      if (taken.charCodeAt(0) !== ZERO || !/^0+$/.test(taken)) return taken
    }
  }
}
