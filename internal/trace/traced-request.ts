import { withoutHeaders } from '../http/header-lines.ts'
import type { Peer } from '../nodes/peer.ts'
import type { UpstreamRequest } from '../upstream.ts'
import type { Trace, TrySpan } from './trace.ts'

/** Fields that only one line may have. Those of clients never come so far; a policy may have set others. */
const OURS: ReadonlySet<string> = new Set(['traceparent', 'tracestate'])

/**
 * Returns a copy of a request for one try of it, with the span of the try and the header lines that tell the node of it. The
 * transport ends the span.
 *
 * @param now milliseconds on the monotonic clock
 */
export function tracedRequest(
  request: UpstreamRequest,
  trace: Trace,
  peer: Peer,
  now: number,
): UpstreamRequest & { readonly span: TrySpan } {
  const span = trace.beginTry(request, peer, now)
  const isOfClient = request.route.policies === undefined
  const headers = isOfClient ? request.headers.slice() : withoutHeaders(request.headers, OURS)
  span.addTo(headers)
  return { ...request, headers, span }
}
