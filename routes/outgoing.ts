import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../internal/errors.ts'
import { stripPrefix } from '../internal/target.ts'
import { plainAddress } from '../middleware/client-address.ts'
import type { OpenedCall } from '../middleware/open-call.ts'

/**
 * The target that a routed request has at its node.
 *
 * @throws GatewayError WG_BAD_REQUEST
 */
export function outgoingTarget({ call }: OpenedCall): string {
  const target = stripPrefix(call.target, call.route!.stripPrefix)
  // Refused at the start of a target already; a prefix taken off must not bring it back.
  if (target.startsWith('//')) {
    throw new GatewayError('WG_BAD_REQUEST', {
      detail: 'The path has an empty segment where the service would see its start.',
    })
  }
  return target
}

/** The header lines that a node gets, flat, without what frames a body. May be called once per request. */
export function outgoingHeaders(
  request: IncomingMessage,
  { call, head }: OpenedCall,
  isTrustedProxy: (address: string) => boolean,
): string[] {
  const { headers } = head
  const address = plainAddress(request.socket.remoteAddress)
  call.clientAddress = address
  const trusted = isTrustedProxy(address)
  const forwardedFor =
    trusted && head.forwardedFor !== undefined ? `${head.forwardedFor}, ${address}` : address
  // The Connection header has had its say when these are added: it cannot take them away.
  headers.push(
    'x-request-id',
    call.requestId,
    'x-forwarded-for',
    forwardedFor,
    'x-forwarded-proto',
    (trusted && head.forwardedProto) || 'http',
  )
  const host = (trusted && head.forwardedHost) || head.host
  if (host !== undefined) headers.push('x-forwarded-host', host)
  if (call.route?.preserveHost && head.host !== undefined) headers.push('host', head.host)
  if (call.identity) headers.push(...call.identity.headers)
  return headers
}
