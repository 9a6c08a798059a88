import { GatewayError } from '../../internal/http/errors.ts'
import { pathOf, stripPrefix } from '../../internal/http/target.ts'
import type { Exchange, OutgoingRequest } from '../../internal/policy.ts'

/**
 * Creates the request for a node, as far as the route alone determines it. `completeHeaders` adds the rest after every
 * policy has run.
 *
 * @throws GatewayError WG_BAD_REQUEST when stripping the prefix leaves a path that begins with an empty segment
 */
export function createOutgoing({ call, head, respelled }: Exchange): OutgoingRequest {
  const route = call.route!
  const target = stripPrefix(
    route.mergeSlashes === false && respelled?.unmergedPath !== undefined
      ? respelled.unmergedPath + call.target.slice(pathOf(call.target).length)
      : call.target,
    route.stripPrefix,
  )
  // Targets that begin with an empty segment are refused. Stripping a prefix must not produce one, in any spelling.
  if (target.startsWith('//') || (respelled?.hasEncodedSlash && /^\/%2f/i.test(target))) {
    throw new GatewayError('WG_BAD_REQUEST', {
      detail: 'Without the prefix that the route strips, the path begins with an empty segment.',
    })
  }
  return { route, service: route.service, method: call.method, target, headers: head.headers, body: null }
}

/**
 * Appends the header lines that only the gateway may set: request id, X-Forwarded-*, Host and identity. They come after
 * everything that a client or a policy wrote, and after the fields that Connection names were removed, so that neither
 * can change them. Call it once per request.
 */
export function completeHeaders({ call, head, peerAddress, isProxied }: Exchange): void {
  const { headers } = head
  const forwardedFor =
    isProxied && head.forwardedFor !== undefined ? `${head.forwardedFor}, ${peerAddress}` : peerAddress
  headers.push(
    'x-request-id',
    call.requestId,
    'x-forwarded-for',
    forwardedFor,
    'x-forwarded-proto',
    (isProxied && head.forwardedProto) || 'http',
  )
  const host = (isProxied && head.forwardedHost) || head.host
  if (host !== undefined) headers.push('x-forwarded-host', host)
  if (call.route?.preserveHost && head.host !== undefined) headers.push('host', head.host)
  if (call.identity) headers.push(...call.identity.headers)
}
