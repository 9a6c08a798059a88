import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Call } from './call.ts'
import type { Route } from './routing/route.ts'

/** A client's request body, read only when a node takes it. */
export interface RequestBody {
  /** Whether bytes were taken that cannot be sent again. */
  readonly begun: boolean
  /** Bytes, as the client declares them; undefined when it does not. */
  readonly length?: number | undefined
  /** The body for one try. Destroying it leaves the client's connection alone. */
  open(): Readable
}

/** What is to be sent to a node, whichever node that will be. */
export interface UpstreamRequest {
  readonly route: Route
  /** The service to choose a node of; the route's, or its fallback's. */
  readonly service: string
  readonly method: string
  /** Origin-form target with its query, as the node shall see it. */
  readonly target: string
  /** Header lines, flat. No framing and no hop-by-hop fields except Content-Length. */
  readonly headers: string[]
  /** Null when the request has no body. */
  readonly body: RequestBody | null
}

/** What a try brought. */
export interface Outcome {
  readonly status: number
  /** Header lines for the client, flat, hop-by-hop fields removed. */
  readonly headers?: readonly string[] | undefined
  /** Whether its node has broken off since the head came; then it is not for the client. */
  readonly isBroken?: boolean | undefined
  /** Gives it up, and its connection with it. */
  discard(): void
}

/** Told of the body of an answer while it passes. */
export interface BodyObserver {
  /** Short pieces come as latin1 text. */
  onChunk(chunk: Buffer | string): void
  /** Last call. @param isWhole whether nothing is missing for certain: false also where the end of the connection was all that said so */
  onEnd(isWhole: boolean): void
}

/** An answer whose head has come. Whoever holds it calls either `sendBody` or `discard`, once. */
export interface UpstreamResponse extends Outcome {
  readonly headers: readonly string[]
  /**
   * Streams the body into `target`, whose head has been written, and ends it. Reads from the node no faster
   * than the client does. When the node breaks off, `target` is destroyed: a cut body must never look whole.
   */
  sendBody(target: ServerResponse): void
  /** Lets another see the body, from its beginning. To be called before `sendBody`; one observer at most. */
  observe?(observer: BodyObserver): void
}

/** A connection to a node on which nothing was said yet. Whoever holds it destroys it. */
export interface NodeConnection extends Outcome {
  /** What the client is told when it gets it. */
  readonly status: 101
  readonly socket: Socket
}

/**
 * One way to get an answer. Resolves with it, whatever its status, once its head is there.
 *
 * @throws UpstreamFailure when a try brought none
 * @throws GatewayError when the client is to be told why there is none
 */
export type Upstream<T extends Outcome = UpstreamResponse> = (
  request: UpstreamRequest,
  call: Call,
) => Promise<T>

/** Adds one concern around an {@link Upstream}. */
export type Wrapper<T extends Outcome = UpstreamResponse> = (next: Upstream<T>) => Upstream<T>

/** The first wrapper is the outermost: `wrap(dispatch, [observe, retry])` is `observe(retry(dispatch))`. */
export function wrap<T extends Outcome>(
  innermost: Upstream<T>,
  wrappers: readonly Wrapper<T>[],
): Upstream<T> {
  return wrappers.reduceRight((next, wrapper) => wrapper(next), innermost)
}
