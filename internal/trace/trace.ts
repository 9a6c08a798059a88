import { withoutHeaders } from '../http/header-lines.ts'
import type { Peer } from '../nodes/peer.ts'
import type { FailureKind } from '../upstream-failure.ts'
import { formatTraceparent, type TraceParent } from './trace-context.ts'

/** What a trace is begun with. */
export interface TraceStart extends TraceParent {
  /** The span of the first try. */
  readonly firstTryId: string
  /** The span of the caller that is believed; undefined = the trace begins here. */
  readonly parentId: string | undefined
  /** `tracestate` for nodes. */
  readonly state: string | undefined
  /** `baggage` that is believed. It is one of the request's headers, and in no span. */
  readonly baggage: string | undefined
  /** What a caller has sent that is not believed. */
  readonly link: TraceParent | undefined
}

/** What the span of a try says of its request. */
export interface TriedRequest {
  readonly method: string
  /** Path and query as the node sees them. */
  readonly target: string
  /** The gRPC call that it makes; undefined for plain HTTP. */
  readonly rpc?: { readonly method: string } | undefined
  /** Whether it is sent beside another try that is slow. */
  readonly isHedge?: boolean | undefined
  /** Whether it is a copy, whose answer nobody gets. */
  readonly isCopy?: boolean | undefined
}

/** Makes ids of spans: 16 hexadecimal digits in lower case. */
export type NewSpanId = () => string

/** The trace of one request of a client: who called, what nodes are told, and the tries that were made. */
export class Trace {
  /** 32 hexadecimal digits in lower case. */
  readonly traceId: string
  /** The span of the request here. */
  readonly spanId: string
  readonly parentId: string | undefined
  /** Whether nodes are told that the trace is kept. */
  readonly isSampled: boolean
  readonly isRandom: boolean
  readonly state: string | undefined
  readonly baggage: string | undefined
  readonly link: TraceParent | undefined
  /** In the order in which they began. */
  tries: readonly TrySpan[] = NO_TRIES
  /** Gets each try that ends after the request; undefined = nobody wants them. */
  onLateTry: ((span: TrySpan) => void) | undefined = undefined
  private readonly firstTryId: string
  private readonly newSpanId: NewSpanId

  constructor(start: TraceStart, newSpanId: NewSpanId) {
    this.traceId = start.traceId
    this.spanId = start.spanId
    this.parentId = start.parentId
    this.isSampled = start.isSampled
    this.isRandom = start.isRandom
    this.state = start.state
    this.baggage = start.baggage
    this.link = start.link
    this.firstTryId = start.firstTryId
    this.newSpanId = newSpanId
  }

  /** Begins the span of a try on a node. The transport ends it. @param startedAt milliseconds on the monotonic clock */
  beginTry(request: TriedRequest, peer: Peer, startedAt: number): TrySpan {
    // Nearly all requests have one try, for which an array that may grow would be too large.
    if (this.tries === NO_TRIES) {
      const first = new TrySpan(this, this.firstTryId, request, peer, startedAt)
      this.tries = [first]
      return first
    }
    const span = new TrySpan(this, this.newSpanId(), request, peer, startedAt)
    this.tries = [...this.tries, span]
    return span
  }
}

const NO_TRIES: readonly TrySpan[] = []

/** Fields that only one line may have. Those of clients never come as far as a try; a policy may have set others. */
const OURS: ReadonlySet<string> = new Set(['traceparent', 'tracestate'])

/** Returns the header lines of a request that stand beside those of the span of its try. */
export function headersBesideSpan({
  route,
  headers,
}: {
  readonly route: { readonly policies?: object | undefined }
  readonly headers: readonly string[]
}): readonly string[] {
  return route.policies === undefined ? headers : withoutHeaders(headers, OURS)
}

/**
 * One try on a node, or the copy of a request, from its start to the end of the answer's body. Each try has one, though the
 * spans of few requests are sent, since only the end of a request tells. So it has what the try alone knows, and refers to
 * the rest.
 */
export class TrySpan {
  readonly trace: Trace
  readonly spanId: string
  readonly request: TriedRequest
  readonly peer: Peer
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number
  /** How many tries came before it. */
  readonly resendCount: number
  /** The state of the node's breaker when the try began. */
  readonly breaker: string
  /** The IP address that the connection leads to; undefined when there was none. */
  address: string | undefined = undefined
  /** Milliseconds on the monotonic clock; -1 until it has ended. */
  endedAt = -1
  /** 0 = no answer. */
  status = 0
  grpcStatus: number | undefined = undefined
  /** Why there was no answer, or why it broke off. */
  failure: FailureKind | undefined = undefined

  constructor(trace: Trace, spanId: string, request: TriedRequest, peer: Peer, startedAt: number) {
    this.trace = trace
    this.spanId = spanId
    this.request = request
    this.peer = peer
    this.startedAt = startedAt
    this.resendCount = trace.tries.length
    this.breaker = peer.breaker
  }

  /** The value of `traceparent` for the node: printable ASCII. */
  get traceparent(): string {
    return formatTraceparent(this.trace, this.spanId)
  }

  /** Ends the span. Does nothing when it has ended. @param endedAt milliseconds on the monotonic clock */
  end(status: number, endedAt: number): void {
    if (this.endedAt !== -1) return
    this.status = status
    this.endedAt = endedAt
    this.trace.onLateTry?.(this)
  }
}
