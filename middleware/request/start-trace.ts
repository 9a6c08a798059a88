import { randomFillSync } from 'node:crypto'
import { getAllHeaders } from '../../internal/http/header-lines.ts'
import { ownText } from '../../internal/telemetry/cut-text.ts'
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
    const context = { spanId, baggage: baggage === undefined ? undefined : readBaggage(baggage) }
    if (sent === undefined || !isTrusted) {
      // Metrics and the last requests keep ids for long, and should not keep the pool with them.
      const traceId = ownText(random.take(32))
      const start = { ...context, traceId, isSampled: isKept(traceId), isRandom: true, link: sent }
      return new Trace(start, newSpanId)
    }
    const state = getAllHeaders(lines!, 'tracestate')
    return new Trace(
      {
        ...{ ...context, traceId: sent.traceId, parentId: sent.spanId },
        ...{ isSampled: sent.isSampled, isRandom: sent.isRandom },
        state: state === undefined ? undefined : readTracestate(state),
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
  #digits = ''
  #used = 0

  /** Returns digits that are not all zero. */
  take(count: number): string {
    for (;;) {
      if (this.#used + count > this.#digits.length) {
        this.#digits = randomFillSync(this.#bytes).toString('hex')
        this.#used = 0
      }
      this.#used += count
      const taken = this.#digits.slice(this.#used - count, this.#used)
      if (taken.charCodeAt(0) !== ZERO || !/^0+$/.test(taken)) return taken
    }
  }
}
