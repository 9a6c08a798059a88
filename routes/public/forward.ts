import type { Exchange } from '../../internal/policy.ts'
import type { Upstream } from '../../internal/upstream.ts'
import type { Deadlines } from '../../middleware/request/deadlines.ts'
import { createRequestBody } from '../../middleware/request/request-body.ts'
import { completeHeaders } from './outgoing-request.ts'
import type { Respond } from './respond.ts'

export interface ForwardOptions {
  /** Calls a node, for routes whose policies do not wrap the call. */
  readonly upstream: Upstream
  readonly deadlines: Deadlines
  /** The largest body for routes that do not set it, in bytes; 0 = no limit. */
  readonly maxBodyBytes: number
  /** Called with the size of each piece of a request body. */
  readonly onPiece: (bytes: number) => void
  readonly respond: Respond
}

/**
 * Creates the function that sends an admitted request to a node and its answer to the client. The function returns nothing
 * and never throws: every outcome is an answer, or the end of the client's connection.
 */
export function createForward({
  upstream,
  deadlines,
  maxBodyBytes,
  onPiece,
  respond,
}: ForwardOptions): (exchange: Exchange) => void {
  return exchange => {
    const { call, head, request, response, expectation, plan } = exchange
    const outgoing = exchange.outgoing!
    const { route } = outgoing
    const deadline = deadlines.start(call, route.timeoutMs)
    if (route.allowSlowClients) response.allowSlowClient()
    const hasBody = head.chunked || (head.contentLength !== undefined && Number(head.contentLength) > 0)
    if (hasBody) {
      outgoing.body = createRequestBody(request, {
        maxBytes: route.maxBodyBytes ?? maxBodyBytes,
        length: head.chunked ? undefined : Number(head.contentLength),
        // Sent only when a node takes the body, so that a client that is refused need not send it.
        onBegin: expectation === 'continue' ? () => response.sendContinue() : undefined,
        onPiece: bytes => {
          deadlines.refresh(deadline)
          onPiece(bytes)
        },
      })
    }
    completeHeaders(exchange)
    if (hasBody && !head.chunked) outgoing.headers.push('content-length', head.contentLength!)
    const send = plan === undefined ? upstream : plan.upstream
    send(outgoing, call).then(
      answer => {
        deadline.clear()
        respond.answer(exchange, answer, 'upstream')
      },
      error => {
        deadline.clear()
        respond.refuse(exchange, error)
      },
    )
  }
}
