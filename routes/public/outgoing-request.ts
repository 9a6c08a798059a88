import { isMethodPath } from '../../internal/grpc/rpc.ts'
import { portOf } from '../../internal/http/authority.ts'
import type { InterimReceiver } from '../../internal/http/client-exchange.ts'
import type { ClientCertificate } from '../../internal/http/client-tls.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { removeHeaders } from '../../internal/http/header-lines.ts'
import { pathOf, stripPrefix } from '../../internal/http/target.ts'
import {
  askedHostOf,
  type Exchange,
  type HidesField,
  type OutgoingRequest,
  schemeOf,
} from '../../internal/policy.ts'
import type { Rpc } from '../../internal/upstream.ts'
import { writeForwarded } from '../../middleware/request/forwarded.ts'
import type { ReadRpc } from './read-rpc.ts'

/**
 * Creates the request for a node, as far as the route alone determines it. `completeHeaders` adds the rest after every
 * policy has run.
 *
 * @throws GatewayError WG_BAD_REQUEST when stripping the prefix leaves a path that begins with an empty segment;
 *   WG_NO_METHOD when it is a gRPC call of no method
 */
export function createOutgoing(exchange: Exchange, readRpc: ReadRpc): OutgoingRequest {
  const { call, dialect, head, isWebSocket, plan, respelled, response } = exchange
  const route = call.route!
  let target = stripPrefix(
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
  let rpc: Rpc | undefined
  let rpcFor: OutgoingRequest['rpcFor']
  if (dialect !== undefined) {
    // A service may be registered under the name of its gRPC service. Its automatic route strips the name.
    if (route.origin === 'auto' && !isMethodPath(target) && isMethodPath(call.target)) target = call.target
    const seen = target
    rpcFor = service => readRpc(exchange, route, seen, service)
    rpc = rpcFor(route.service)
  }
  const hides = plan?.hidesFromClient
  const interim = hides === undefined ? response : hidingFields(response, hides)
  return {
    route,
    service: route.service,
    nodes: route.nodes,
    method: call.method,
    target,
    host: route.preserveHost ? head.host : undefined,
    headers: head.headers,
    body: null,
    rpc,
    dialect: rpc && dialect,
    rpcFor,
    isWebSocket,
    interim,
  }
}

function hidingFields(receiver: InterimReceiver, hides: HidesField): InterimReceiver {
  return {
    writeInterim(status, headers) {
      const shown = [...headers]
      removeHeaders(shown, hides)
      receiver.writeInterim(status, shown)
    },
  }
}

/** Tells the node of the client's certificate. What a proxy says of another one goes: it is not the client here. */
function addCertificate(headers: string[], { der, fingerprint, san, subject }: ClientCertificate): void {
  removeHeaders(headers, name => CLIENT_CERT.test(name))
  headers.push('x-client-cert-subject', subject, 'x-client-cert-fingerprint', fingerprint)
  if (san !== '') headers.push('x-client-cert-san', san)
  // RFC 9440 section 2.1.
  headers.push('client-cert', `:${der}:`)
}

const CLIENT_CERT = /^client-cert(?:-chain)?$/i

/**
 * Appends the header lines that only the gateway may set: request id, X-Forwarded-*, X-Real-IP, Forwarded, Host and
 * identity. They come after everything that a client or a policy wrote, and after the fields that Connection names were
 * removed, so that neither can change them. Call it once per request.
 */
export function completeHeaders(exchange: Exchange): void {
  const { call, head, outgoing, peerAddress, proxied } = exchange
  const { headers } = head
  const route = call.route!
  const proto = schemeOf(exchange)
  const host = askedHostOf(exchange)
  headers.push(
    'x-request-id',
    call.requestId,
    'x-forwarded-for',
    proxied?.forwardedFor === undefined ? peerAddress : `${proxied.forwardedFor}, ${peerAddress}`,
    'x-forwarded-proto',
    proto,
    'x-forwarded-port',
    proxied?.port ?? portOf(host ?? '', proto),
    'x-real-ip',
    call.clientAddress!,
  )
  if (host !== undefined) headers.push('x-forwarded-host', host)
  if (proxied?.prefix !== undefined) headers.push('x-forwarded-prefix', proxied.prefix + route.stripPrefix)
  else if (route.stripPrefix !== '') headers.push('x-forwarded-prefix', route.stripPrefix)
  if (exchange.sendsForwarded) headers.push('forwarded', writeForwarded(exchange))
  if (outgoing!.host !== undefined) headers.push('host', outgoing!.host)
  if (call.identity) headers.push(...call.identity.headers)
  if (call.tls?.certificate !== undefined) addCertificate(headers, call.tls.certificate)
}
