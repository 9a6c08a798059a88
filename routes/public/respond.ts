import { GatewayError, PROBLEM_CONTENT_TYPE, problemBody } from '../../internal/http/errors.ts'
import type { Exchange, ResponseHead } from '../../internal/policy.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { discardBody } from '../../middleware/request/request-body.ts'

export interface RespondOptions {
  /** Whether clients are asked to open another connection, because this process is shutting down. */
  readonly isDraining: () => boolean
  /** Is called with the size of each piece of a request body that nobody reads. */
  readonly onPiece: (bytes: number) => void
  /** Is called with errors that are the gateway's own. */
  readonly onInternalError: (error: unknown) => void
}

/** The one door out: every answer and every refusal leaves through it, and passes the policies of its route. */
export interface Respond {
  /** Sends an answer: a node's, a fallback's, or one that a policy gave. */
  answer(exchange: Exchange, answer: UpstreamResponse, from: ResponseHead['from']): void
  /** Sends the problem document of an error, and notes the error for the log. */
  refuse(exchange: Exchange, error: unknown): void
}

export function createRespond({ isDraining, onPiece, onInternalError }: RespondOptions): Respond {
  function answer(exchange: Exchange, upstreamResponse: UpstreamResponse, from: ResponseHead['from']): void {
    const { call, response, plan } = exchange
    if (response.destroyed) {
      upstreamResponse.discard()
      return
    }
    if (from === 'gateway') discardUnreadBody(exchange)
    const headers = [...upstreamResponse.headers]
    let { status } = upstreamResponse
    if (plan !== undefined) status = editHead(exchange, { status, headers, from })
    headers.push('x-request-id', call.requestId)
    if (call.degraded) headers.push('x-waygate-fallback', '1')
    if (isDraining()) response.closeAfter()
    try {
      response.writeHead(status, headers)
    } catch (cause) {
      upstreamResponse.discard()
      refuse(exchange, new GatewayError('WG_UPSTREAM_INVALID', { cause }))
      return
    }
    upstreamResponse.sendBody(response)
  }

  function refuse(exchange: Exchange, error: unknown): void {
    const { call, response, plan } = exchange
    discardUnreadBody(exchange)
    // The client has left: there is nobody to answer, and nothing went wrong here.
    if (error instanceof UpstreamFailure && error.kind === 'aborted') return
    const known = asGatewayError(error)
    call.errorCode = known.code
    call.failure = known.cause
    // An error must not pass for the rest of a body.
    if (response.headersSent) {
      response.abort(false)
      return
    }
    const body = Buffer.from(problemBody(known, call.requestId))
    const headers = ['content-type', PROBLEM_CONTENT_TYPE, 'content-length', String(body.length)]
    for (const [name, value] of Object.entries(known.headers ?? {})) headers.push(name, value)
    let { status } = known
    if (plan !== undefined) status = editHead(exchange, { status, headers, from: 'gateway' })
    headers.push('x-request-id', call.requestId)
    // The rest of a body that did not come in time is not waited for.
    if (known.code === 'WG_REQUEST_TIMEOUT' || isDraining()) response.closeAfter()
    response.writeHead(status, headers)
    response.end(body)
  }

  /** Lets the policies of the route edit a head in place, and returns the status that it has then. */
  function editHead(exchange: Exchange, head: ResponseHead): number {
    try {
      for (const edit of exchange.plan!.onResponse) edit(head, exchange)
    } catch (error) {
      onInternalError(error)
    }
    return head.status
  }

  function asGatewayError(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error
    onInternalError(error)
    return new GatewayError('WG_INTERNAL', { cause: error })
  }

  /** Reads what a client still sends of a body that no node takes, so that it can read the answer and go on. */
  function discardUnreadBody({ request, head, outgoing }: Exchange): void {
    if (!head.chunked && head.contentLength === undefined) return
    if (!outgoing?.body?.begun) discardBody(request, onPiece)
  }

  return { answer, refuse }
}
