import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Call } from '../../internal/call.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { Upstream, UpstreamResponse } from '../../internal/upstream.ts'
import { Deadlines } from '../../middleware/request/deadlines.ts'
import type { OpenedCall } from '../../middleware/request/open-exchange.ts'
import { createRequestBody, discardBody } from '../../middleware/request/request-body.ts'
import type { Expectation } from './http1/server.ts'
import { outgoingHeaders, outgoingTarget } from './outgoing-request.ts'
import type { Refuse } from './respond.ts'

export interface ForwardOptions {
  readonly upstream: Upstream
  readonly isDraining: () => boolean
  /** Where the route does not say it; 0 = no limit. */
  readonly maxBodyBytes: number
  /** Told the size of every piece of a request's body that comes. */
  readonly onPiece: (bytes: number) => void
  readonly refuse: Refuse
}

/**
 * Sends a routed and authorized request on its way and its answer back. Promises nothing: once it has returned,
 * every outcome is an answer, or the end of the client's connection.
 *
 * @throws GatewayError WG_BAD_REQUEST
 */
export function createForward({
  upstream,
  isDraining,
  maxBodyBytes,
  onPiece,
  refuse,
}: ForwardOptions): (
  request: IncomingMessage,
  response: ServerResponse,
  opened: OpenedCall,
  expectation: Expectation,
) => void {
  const deadlines = new Deadlines()

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

  return (request, response, opened, expectation) => {
    const { call, head } = opened
    const route = call.route!
    const target = outgoingTarget(opened)
    const deadline = deadlines.start(call, route.timeoutMs)
    const hasBody = head.chunked || (head.contentLength !== undefined && Number(head.contentLength) > 0)
    const body = hasBody
      ? createRequestBody(request, {
          maxBytes: route.maxBodyBytes ?? maxBodyBytes,
          length: head.chunked ? undefined : Number(head.contentLength),
          // Not before a node is there to take it: who is refused need not send it at all.
          onBegin: expectation === 'continue' ? () => sendContinue(response) : undefined,
          onPiece: bytes => {
            deadlines.refresh(deadline)
            onPiece(bytes)
          },
        })
      : null
    const headers = outgoingHeaders(opened)
    if (hasBody && !head.chunked) headers.push('content-length', head.contentLength!)
    upstream({ route, service: route.service, method: call.method, target, headers, body }, call).then(
      upstreamResponse => {
        deadline.clear()
        answer(upstreamResponse, response, call)
      },
      error => {
        deadline.clear()
        if (body && !body.begun) discardBody(request, onPiece)
        refuse(error, response, call)
      },
    )
  }
}

function sendContinue(response: ServerResponse): void {
  if (response.headersSent || response.destroyed) return
  if (response.socket) response.writeContinue()
  // Behind answers that are waited for, Node would put the head in front of it.
  else response.once('socket', () => sendContinue(response))
}
