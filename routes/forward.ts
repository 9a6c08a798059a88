import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Call } from '../internal/call.ts'
import { GatewayError } from '../internal/errors.ts'
import { stripPrefix } from '../internal/target.ts'
import type { Upstream, UpstreamResponse } from '../internal/upstream.ts'
import { plainAddress } from '../middleware/client-address.ts'
import type { OpenedCall } from '../middleware/open-call.ts'
import { createRequestBody } from '../middleware/request-body.ts'
import { Deadlines } from './deadlines.ts'
import type { Refuse } from './refuse.ts'

export interface ForwardOptions {
  readonly upstream: Upstream
  readonly isTrustedProxy: (address: string) => boolean
  readonly isDraining: () => boolean
  readonly maxBodyBytes: number
  /** Told the size of every piece of a request's body that comes. */
  readonly onPiece: (bytes: number) => void
  readonly refuse: Refuse
}

/**
 * Sends a routed and authorized request on its way and its answer back. Promises nothing and throws
 * nothing: every outcome is an answer, or the end of the client's connection.
 */
export function createForward({
  upstream,
  isTrustedProxy,
  isDraining,
  maxBodyBytes,
  onPiece,
  refuse,
}: ForwardOptions): (request: IncomingMessage, response: ServerResponse, opened: OpenedCall) => void {
  const deadlines = new Deadlines()

  function headersFor(request: IncomingMessage, { call, head }: OpenedCall, hasBody: boolean): string[] {
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
    if (hasBody && head.contentLength !== undefined && !head.chunked) {
      headers.push('content-length', head.contentLength)
    }
    return headers
  }

  function answer(upstreamResponse: UpstreamResponse, response: ServerResponse, call: Call): void {
    if (response.destroyed) {
      upstreamResponse.discard()
      return
    }
    const headers = [...upstreamResponse.headers, 'x-request-id', call.requestId]
    if (call.degraded) headers.push('x-waygate-fallback', '1')
    if (isDraining()) headers.push('connection', 'close')
    try {
      response.writeHead(upstreamResponse.status, headers)
    } catch (cause) {
      upstreamResponse.discard()
      refuse(new GatewayError('WG_UPSTREAM_INVALID', { cause }), response, call)
      return
    }
    upstreamResponse.sendBody(response)
  }

  return (request, response, opened) => {
    const { call, head } = opened
    const route = call.route!
    const target = stripPrefix(call.target, route.stripPrefix)
    if (target.startsWith('//')) {
      // Refused at the start of a target already; a prefix taken off must not bring it back.
      const detail = 'The path has an empty segment where the service would see its start.'
      refuse(new GatewayError('WG_BAD_REQUEST', { detail }), response, call)
      return
    }
    const deadline = deadlines.start(call, route.timeoutMs)
    const hasBody = head.chunked || (head.contentLength !== undefined && Number(head.contentLength) > 0)
    const body = hasBody
      ? createRequestBody(request, {
          maxBytes: maxBodyBytes,
          onPiece: bytes => {
            deadlines.refresh(deadline)
            onPiece(bytes)
          },
        })
      : null
    upstream(
      {
        route,
        service: route.service,
        method: call.method,
        target,
        headers: headersFor(request, opened, hasBody),
        body,
      },
      call,
    ).then(
      upstreamResponse => {
        deadline.clear()
        answer(upstreamResponse, response, call)
      },
      error => {
        deadline.clear()
        refuse(error, response, call)
      },
    )
  }
}
