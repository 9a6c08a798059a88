import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Call } from './call.ts'
import type { Route } from './route.ts'

/** A client's request body, read only when a node takes it. */
export interface RequestBody {
  /** Whether bytes were taken; they cannot be sent again. */
  readonly begun: boolean
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

/** An answer whose head has come. Whoever holds it calls either `sendBody` or `discard`, once. */
export interface UpstreamResponse {
  readonly status: number
  /** Header lines for the client, flat, hop-by-hop fields removed. */
  readonly headers: readonly string[]
  /**
   * Streams the body into `target`, whose head has been written, and ends it. Reads from the node no faster
   * than the client does. When the node breaks off, `target` is destroyed: a cut body must never look whole.
   */
  sendBody(target: ServerResponse): void
  /** Gives the answer up and its connection with it. */
  discard(): void
}

/**
 * One way to get an answer. Resolves with it, whatever its status, once its head is there.
 *
 * @throws UpstreamFailure when a try brought none
 * @throws GatewayError when the client is to be told why there is none
 */
export type Upstream = (request: UpstreamRequest, call: Call) => Promise<UpstreamResponse>

/** Adds one concern around an {@link Upstream}. */
export type Wrapper = (next: Upstream) => Upstream

/** The first wrapper is the outermost: `wrap(dispatch, [observe, retry])` is `observe(retry(dispatch))`. */
export function wrap(innermost: Upstream, wrappers: readonly Wrapper[]): Upstream {
  return wrappers.reduceRight((next, wrapper) => wrapper(next), innermost)
}
