import { GatewayError } from '../../internal/http/errors.ts'
import { stripPrefix } from '../../internal/http/target.ts'
import type { OpenedCall } from '../../middleware/request/open-exchange.ts'

/**
 * The target that a routed request has at its node.
 *
 * @throws GatewayError WG_BAD_REQUEST
 */
export function outgoingTarget({ call, hasEncodedSlash }: OpenedCall): string {
  const target = stripPrefix(call.target, call.route!.stripPrefix)
  // Refused at the start of a target already; a prefix taken off must not bring it back, in whatever spelling.
  if (target.startsWith('//') || (hasEncodedSlash && /^\/%2f/i.test(target))) {
    throw new GatewayError('WG_BAD_REQUEST', {
      detail: 'The path has an empty segment where the service would see its start.',
    })
  }
  return target
}

/** The header lines that a node gets, flat, without what frames a body. May be called once per request. */
export function outgoingHeaders({ call, head, peerAddress, isProxied }: OpenedCall): string[] {
  const { headers } = head
  const forwardedFor =
    isProxied && head.forwardedFor !== undefined ? `${head.forwardedFor}, ${peerAddress}` : peerAddress
  // The Connection header has had its say when these are added: it cannot take them away.
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
  return headers
}
