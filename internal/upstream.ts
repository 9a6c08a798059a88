import type { Call } from './call.ts'
import type { GrpcDialect } from './grpc/content-type.ts'
import type { ClientResponse, InterimReceiver } from './http/client-exchange.ts'
import type { NodeSelection } from './nodes/node-selection.ts'
import type { Route } from './routing/route.ts'

/** Receives the body of one try. It may keep the chunks. */
export interface BodySink {
  onData(chunk: Buffer): void
  /** Is called last, when the body is whole. */
  onEnd(): void
  /**
   * Is called last, when no more of the body will come.
   *
   * @param error an UpstreamFailure of kind `aborted` when the client left, a GatewayError when its body is refused
   */
  onError(error: Error): void
}

/** The body on its way to one try. It is paused at first. */
export interface BodyFlow {
  /** While this is true, no data is delivered. What ends the body may still be. */
  readonly isPaused: boolean
  /** Lets data come. It may call the sink before it returns. */
  resume(): void
  pause(): void
  /**
   * Ends the flow: nothing more is delivered to the sink. The rest of the client's body is discarded, or kept for the next
   * try. Does nothing when the flow is over.
   */
  stop(): void
}

/** A client's request body. Nothing is read from the client before a node takes the first byte. */
export interface RequestBody {
  /** Whether bytes were taken that cannot be sent again. */
  readonly begun: boolean
  /** Its length in bytes; undefined when the client sends chunks. */
  readonly length?: number | undefined
  /** Whether the client sends nothing until it gets 100 Continue, which it gets when the first byte is taken. */
  readonly awaitsContinue?: boolean | undefined
  /** Trailers for the node, flat; known once the body has ended. Undefined when there are none. */
  readonly trailers?: readonly string[] | undefined
  /** Returns the flow of the body to one try, which takes the first byte when the flow is resumed. */
  open(sink: BodySink): BodyFlow
}

/** The call that a gRPC request makes. */
export interface Rpc {
  /** `package.Service/Method` */
  readonly method: string
  /** Whether the call may be repeated although a node may have acted on it. */
  readonly isIdempotent: boolean
  /** Whether either side may send several messages; undefined = unknown. */
  readonly isStreaming: boolean | undefined
}

/** A request for a service, before a node is chosen. */
export interface UpstreamRequest {
  readonly route: Route
  /** The service to choose a node of: the route's, or that of its fallback. */
  readonly service: string
  /** Which nodes of the service may get it; undefined = all that do not wait to be selected. */
  readonly nodes?: NodeSelection | undefined
  readonly method: string
  /** Path and query as the node sees them. */
  readonly target: string
  /**
   * Header lines, flat, without hop-by-hop fields; of the framing fields, only Content-Length, Trailer and
   * `te: trailers`.
   */
  readonly headers: string[]
  /** Null when the request has no body. */
  readonly body: RequestBody | null
  /** Whether this is the opening handshake of a WebSocket, the only request that may be answered with 101. Default: false. */
  readonly isWebSocket?: boolean | undefined
  /** Receives interim answers as they come. Undefined = they are dropped. */
  readonly interim?: InterimReceiver | undefined
  /** The call of a gRPC request; undefined for plain HTTP. It decides in which lane of the service a node is chosen. */
  readonly rpc?: Rpc | undefined
  /** How the client of that call speaks gRPC; undefined when it does not, or there is no call. */
  readonly dialect?: GrpcDialect | undefined
  /** Whether it is sent beside another try that is slow. Default: false. */
  readonly isHedge?: boolean | undefined
  /** Whether it is the copy of a request, whose answer nobody gets. Default: false. */
  readonly isCopy?: boolean | undefined
}

/** The answer of a node, as far as it speaks for the node or against it. */
export interface Outcome {
  readonly status: number
  /** Method and target of the request that was sent, `GET /path?query`; undefined when none was sent. */
  readonly requestLine?: string | undefined
  /** The status of a gRPC call whose answer is complete with its head (trailers-only); undefined for any other answer. */
  readonly grpcStatus?: number | undefined
  /**
   * Calls back once, when a gRPC call is over. Only answers of gRPC nodes have it, because their status comes last.
   */
  whenOver?(listener: (end: CallEnd) => void): void
}

/** How a gRPC call ended. */
export interface CallEnd {
  /** The status that the client gets; undefined when it gets none. */
  readonly grpcStatus: number | undefined
  /** Whether the node broke the call off, or ended it without a valid status. */
  readonly isBroken: boolean
}

/** Sees the body of an answer while it passes. */
export interface BodyObserver {
  /** Is called with each piece; short ones come as latin1 text. */
  onChunk(chunk: Buffer | string): void
  /**
   * Is called last.
   *
   * @param isWhole whether the body is certainly complete; false also when only the end of the connection said so
   */
  onEnd(isWhole: boolean): void
}

/** An answer whose head has arrived. Its holder calls either `sendBody` or `discard`, once. */
export interface UpstreamResponse extends Outcome {
  /** Header lines for the client, flat, without hop-by-hop fields. */
  readonly headers: readonly string[]
  /** Names of the trailers that the node announces; undefined when it announces none. */
  readonly trailerNames?: readonly string[] | undefined
  /**
   * Streams the body into `target`, whose head was written before, and ends it, with the trailers if there are any.
   * Reads from the node no faster than the client does. When the node breaks off, `target` is aborted: a cut body must
   * never look whole. After a 101, `target` gets the node's connection for a tunnel instead.
   *
   * @param isHidden returns whether the client must not get a trailer with this name, as it is spelled
   */
  sendBody(target: ClientResponse, isHidden?: (spelling: string) => boolean): void
  /** Abandons the answer and closes its connection. */
  discard(): void
  /** Whether the node broke off after the head; such an answer is not for the client. */
  readonly isBroken?: boolean | undefined
  /** Lets one observer see the body from its beginning. Must be called before `sendBody`. */
  observe?(observer: BodyObserver): void
}

/**
 * Gets an answer. Resolves with it, whatever its status, as soon as its head is there.
 *
 * @throws UpstreamFailure when a try brought no answer
 * @throws GatewayError when the client must be told why there is none
 */
export type Upstream<T extends Outcome = UpstreamResponse> = (
  request: UpstreamRequest,
  call: Call,
) => Promise<T>

/** Adds one concern around an {@link Upstream}. */
export type Wrapper = (next: Upstream) => Upstream

/** Composes wrappers, the first one outermost: `wrap(dispatch, [observe, retry])` is `observe(retry(dispatch))`. */
export function wrap(innermost: Upstream, wrappers: readonly Wrapper[]): Upstream {
  return wrappers.reduceRight((next, wrapper) => wrapper(next), innermost)
}

/** The connections to one node, in the protocol that the node speaks. Its peer closes it. */
export interface Transport {
  /**
   * Sends one request. Counts it in flight at the peer, and sets `call.current` so that it can be cancelled.
   *
   * @throws UpstreamFailure when it brings no answer; the peer's counters have it by then
   */
  send(request: UpstreamRequest, call: Call): Promise<UpstreamResponse>
  /** Lets every request here that waits for the head of its answer go to another node, if it may be repeated. */
  notifyHung(): void
  /** Sends no further requests. Resolves when the last one has ended and every connection is closed. */
  close(): Promise<void>
  /** Does the same at once: requests in flight fail. */
  destroy(): Promise<void>
}
