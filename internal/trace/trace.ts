import type { Peer } from '../nodes/peer.ts'
import type { FailureKind } from '../upstream-failure.ts'
import { formatTraceparent, type TraceParent } from './trace-context.ts'

/** What a trace is begun with. */
export interface TraceStart extends TraceParent {
  /** The span of the caller that is believed; undefined = the trace begins here. */
  readonly parentId?: string | undefined
  /** `tracestate` for nodes. */
  readonly state?: string | undefined
  /** `baggage` that is believed. It is one of the request's headers, and in no span. */
  readonly baggage?: string | undefined
  /** What a caller has sent that is not believed. */
  readonly link?: TraceParent | undefined
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
  readonly #newSpanId: NewSpanId

  constructor(
    { traceId, spanId, isSampled, isRandom, parentId, state, baggage, link }: TraceStart,
    newSpanId: NewSpanId,
  ) {
    this.traceId = traceId
    this.spanId = spanId
    this.isSampled = isSampled
    this.isRandom = isRandom
    this.parentId = parentId
    this.state = state
    this.baggage = baggage
    this.link = link
    this.#newSpanId = newSpanId
  }

  /** Begins the span of a try on a node. The transport ends it. @param startedAt milliseconds on the monotonic clock */
  beginTry(request: TriedRequest, peer: Peer, startedAt: number): TrySpan {
    const span = new TrySpan(this, this.#newSpanId(), request, peer, startedAt)
    // Nearly all requests have one try, for which an array that may grow would be too large.
    this.tries = this.tries === NO_TRIES ? [span] : [...this.tries, span]
    return span
  }
}

const NO_TRIES: readonly TrySpan[] = []

/** One try on a node, or the copy of a request, from its start to the end of the answer's body. */
export class TrySpan {
  readonly trace: Trace
  readonly spanId: string
  readonly peer: Peer
  readonly method: string
  /** Path and query as the node sees them. */
  readonly target: string
  /** The method of a gRPC call; undefined for plain HTTP. */
  readonly rpc: string | undefined
  /** Whether it was sent beside another try that was slow. */
  readonly isHedge: boolean
  /** Milliseconds on the monotonic clock. */
  readonly startedAt: number
  /** How many tries came before it. */
  readonly resendCount: number
  /** The state of the node's breaker when the try began. */
  readonly breaker: string
  /** Whether it is a copy, whose answer nobody gets. */
  isCopy = false
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
    this.peer = peer
    this.method = request.method
    this.target = request.target
    this.rpc = request.rpc?.method
    this.isHedge = request.isHedge === true
    this.startedAt = startedAt
    this.resendCount = trace.tries.length
    this.breaker = peer.breaker
  }

  /** Appends the header lines that tell the node of the try. */
  addTo(headers: string[]): void {
    const { trace } = this
    headers.push('traceparent', formatTraceparent(trace, this.spanId))
    if (trace.state !== undefined) headers.push('tracestate', trace.state)
  }

  /** Ends the span. Does nothing when it has ended. @param endedAt milliseconds on the monotonic clock */
  end(status: number, endedAt: number): void {
    if (this.endedAt !== -1) return
    this.status = status
    this.endedAt = endedAt
    this.trace.onLateTry?.(this)
  }
}
