import { lengthField, lengthHead, textPair, writeNanos } from './span-wire.ts'

/** A span, as batches take it. */
export interface WrittenSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** 16 hexadecimal digits; undefined when nobody called. */
  readonly parentId: string | undefined
  /** Milliseconds since 1970. */
  readonly startedAt: number
  /** Milliseconds since 1970. */
  readonly endedAt: number
  /** All other fields of the message `Span`, each character a byte. */
  readonly fields: string
}

/** Fields of the protocol (opentelemetry/proto/collector/trace/v1/trace_service.proto, and trace/v1/trace.proto). */
const RESOURCE_SPANS = 1
const RESOURCE = 1
const RESOURCE_ATTRIBUTES = 1
const SCOPE_SPANS = 2
const SCOPE = 1
const SCOPE_NAME = 1
/** Tags of `Span`, which stand in front of the values. */
const SPAN = 0x12
const START_TIME = 0x39
const END_TIME = 0x41
/** The same as hexadecimal digits, with the lengths of the values. */
const TRACE_ID = '0a10'
const SPAN_ID = '1208'
const PARENT_ID = '2208'

const SCOPE_FIELD = lengthField(SCOPE, lengthField(SCOPE_NAME, 'waygate'))
/** Of the two times with their tags. */
const TIME_BYTES = 18
/** The most that a tag and a length take. */
const MAX_HEAD_BYTES = 6
const LEAST_BYTES = 16_384

/** Returns the attributes of a process, as {@link SpanBatch} takes them. */
export function resourceField(attributes: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(attributes).map(([key, value]) => textPair(key, value))
  return lengthField(RESOURCE, pairs.map(each => lengthField(RESOURCE_ATTRIBUTES, each)).join(''))
}

/**
 * Spans that leave together, as the body of one request: an `ExportTraceServiceRequest`. They are written out as they come: texts
 * that wait for a second would outlive the collections of V8, which copies each of them, part by part.
 */
export class SpanBatch {
  count = 0
  readonly #resource: string
  /** Where the spans begin. What stands in front of them has their length, so it is written last. */
  readonly #spansAt: number
  #bytes: Buffer
  #used: number

  /**
   * @param resource as `resourceField` returns it
   * @param expectedBytes how many bytes it will probably have
   */
  constructor(resource: string, expectedBytes: number) {
    this.#resource = resource
    this.#spansAt = resource.length + SCOPE_FIELD.length + 2 * MAX_HEAD_BYTES
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(LEAST_BYTES, this.#spansAt, expectedBytes))
    this.#used = this.#spansAt
  }

  add({ traceId, spanId, parentId, startedAt, endedAt, fields }: WrittenSpan): void {
    let ids = TRACE_ID + traceId + SPAN_ID + spanId
    if (parentId !== undefined) ids += PARENT_ID + parentId
    const length = ids.length / 2 + TIME_BYTES + fields.length
    this.#reserve(MAX_HEAD_BYTES + length)
    const bytes = this.#bytes
    let at = this.#used
    bytes[at++] = SPAN
    at = writeVarint(bytes, length, at)
    at += bytes.write(ids, at, 'hex')
    bytes[at++] = START_TIME
    at = writeNanos(bytes, startedAt, at)
    bytes[at++] = END_TIME
    at = writeNanos(bytes, endedAt, at)
    this.#used = at + bytes.write(fields, at, 'latin1')
    this.count++
  }

  /** Returns the whole body. No span may be added after it. */
  end(): Buffer {
    const spans = this.#used - this.#spansAt
    const inner = this.#resource + lengthHead(SCOPE_SPANS, SCOPE_FIELD.length + spans) + SCOPE_FIELD
    const head = lengthHead(RESOURCE_SPANS, inner.length + spans) + inner
    const from = this.#spansAt - head.length
    this.#bytes.write(head, from, 'latin1')
    return this.#bytes.subarray(from, this.#used)
  }

  #reserve(bytes: number): void {
    if (this.#used + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#used + bytes))
    this.#bytes.copy(larger, 0, 0, this.#used)
    this.#bytes = larger
  }
}

/** @returns where it ends */
function writeVarint(bytes: Buffer, value: number, from: number): number {
  let at = from
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80
  bytes[at++] = rest
  return at
}
