import type { Call } from '../../internal/call.ts'
import { type GrpcRefusal, refusalOfError, refusalOfHttp } from '../../internal/grpc/refusal.ts'
import { writeWebTrailers } from '../../internal/grpc/web-trailers.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import type { ClientTls } from '../../internal/http/client-tls.ts'
import { GatewayError, PROBLEM_CONTENT_TYPE, problemBody } from '../../internal/http/errors.ts'
import { getHeader } from '../../internal/http/header-lines.ts'
import type { Exchange, OwnRefusal, ResponseHead, RoutePlan, TransformBody } from '../../internal/policy.ts'
import type { UpstreamResponse } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { CountedResponse } from './counted-response.ts'

export interface RespondOptions {
  /** Whether clients are asked to open another connection, because this process is shutting down. */
  readonly isDraining: () => boolean
  /** Called with the size of each piece of a request body that is discarded. */
  readonly onPiece: (bytes: number) => void
  /** Whether the bytes of bodies are counted, for the access log; read for each answer. Default: false. */
  readonly countsBytes?: boolean | undefined
  /** Called with errors that are bugs of the gateway. */
  readonly onInternalError: (error: unknown) => void
}

/**
 * Sends answers and refusals to clients. All of them pass the policies of their route here.
 *
 * Neither method throws. Both are called at the end of promises that nobody waits for, where an error would end the process:
 * it costs its request a 500, or the rest of the answer if the head is sent.
 */
export interface Respond {
  /** Sends the answer of a node, of a fallback or of a policy. */
  answer(exchange: Exchange, answer: UpstreamResponse, from: ResponseHead['from']): void
  /** Sends the problem document of an error, and notes the error in the call, for the log. */
  refuse(exchange: Exchange, error: unknown): void
}

export function createRespond(options: RespondOptions): Respond {
  const { isDraining, onPiece, onInternalError } = options

  function answer(exchange: Exchange, upstreamResponse: UpstreamResponse, from: ResponseHead['from']): void {
    try {
      passOn(exchange, upstreamResponse, from)
    } catch (error) {
      refuse(exchange, error)
      guard(exchange, () => upstreamResponse.discard())
    }
  }

  function refuse(exchange: Exchange, error: unknown): void {
    guard(exchange, () => explain(exchange, error))
  }

  /** Breaks the answer off if a step throws. */
  function guard(exchange: Exchange, step: () => void): void {
    try {
      step()
    } catch (bug) {
      onInternalError(bug)
      exchange.response.abort(false)
    }
  }

  function passOn(exchange: Exchange, upstreamResponse: UpstreamResponse, from: ResponseHead['from']): void {
    const { call, response, plan } = exchange
    if (response.destroyed) {
      upstreamResponse.discard()
      return
    }
    // A client that waits for 100 Continue may send its body all the same.
    if (from === 'gateway' || exchange.expectation === 'continue') discardUnreadBody(exchange)
    if (exchange.dialect !== undefined && isCall(exchange) && !isGrpc(upstreamResponse)) {
      const { status, headers } = upstreamResponse
      upstreamResponse.discard()
      call.failure ??= `answered HTTP ${status} instead of gRPC`
      endCall(exchange, refusalOfHttp(status, headers), from)
      return
    }
    let { status } = upstreamResponse
    let headers: string[]
    if (plan === undefined) headers = [...upstreamResponse.headers, 'x-request-id', call.requestId]
    else {
      headers = [...upstreamResponse.headers]
      status = editHead(exchange, { status, headers, from })
      headers.push('x-request-id', call.requestId)
    }
    if (call.tls !== undefined) addHsts(headers, call.tls)
    if (call.degraded) headers.push('x-waygate-fallback', '1')
    // Node refuses to announce trailers of an answer that can have none.
    if (
      upstreamResponse.trailerNames !== undefined &&
      response.takesTrailers &&
      status === upstreamResponse.status
    ) {
      announceTrailers(headers, upstreamResponse.trailerNames, plan)
    }
    if (isDraining()) response.closeAfter()
    let target = targetOf(exchange)
    if (plan?.transforms !== undefined && !exchange.isWebSocket) {
      target = transformed(exchange, target, plan.transforms, { status, headers, from }, upstreamResponse)
    }
    try {
      target.writeHead(status, headers)
    } catch (cause) {
      upstreamResponse.discard()
      refuse(exchange, new GatewayError('WG_UPSTREAM_INVALID', { cause }))
      return
    }
    upstreamResponse.sendBody(target, plan?.hidesFromClient)
  }

  function explain(exchange: Exchange, error: unknown): void {
    const { call, response, plan } = exchange
    discardUnreadBody(exchange)
    // The client has left. That is not an error, and there is nothing to answer.
    if (error instanceof UpstreamFailure && error.kind === 'aborted') return
    const known = asGatewayError(error)
    call.errorCode = known.code
    call.failure = known.cause
    // The answer has begun, and an error must not be taken for the rest of its body.
    if (response.headersSent) {
      response.abort(false)
      return
    }
    // After a request timeout, the rest of the body is not waited for.
    if (known.code === 'WG_REQUEST_TIMEOUT') response.closeAfter()
    const own = plan?.refusal && ownRefusal(exchange, known, plan.refusal)
    if (exchange.dialect !== undefined) {
      endCall(exchange, refusalOfError(known), 'gateway', known.headers, own)
      return
    }
    const body = own?.body ?? Buffer.from(problemBody(known, call.requestId, call.trace?.traceId))
    const headers = ['content-length', String(body.length)]
    if (own?.body === undefined) headers.unshift('content-type', PROBLEM_CONTENT_TYPE)
    for (const [name, value] of Object.entries(known.headers ?? {})) headers.push(name, value)
    if (own !== undefined) addMissing(headers, own.headers)
    let { status } = known
    if (plan !== undefined) status = editHead(exchange, { status, headers, from: 'gateway' })
    addOwnFields(headers, call)
    if (isDraining()) response.closeAfter()
    response.writeHead(status, headers)
    targetOf(exchange).end(body)
  }

  /** Ends a gRPC call that no node answers in gRPC. The HTTP status is 200 all the same: clients read that of gRPC. */
  function endCall(
    exchange: Exchange,
    { status, lines }: GrpcRefusal,
    from: ResponseHead['from'],
    fields: GatewayError['headers'] = {},
    own?: OwnRefusal,
  ): void {
    const { call, dialect, head, response, plan } = exchange
    call.grpcStatus = status
    const headers = ['content-type', head.contentType!.split(';', 1)[0]!]
    for (const [name, value] of Object.entries(fields)) headers.push(name, value)
    // A call has no body of text: of what a document says, its headers are left.
    if (own !== undefined) addMissing(headers, own.headers)
    if (dialect === 'grpc') headers.push(...lines)
    if (plan !== undefined) editHead(exchange, { status: 200, headers, from })
    addOwnFields(headers, call)
    if (isDraining()) response.closeAfter()
    response.writeHead(200, headers)
    if (dialect === 'grpc') response.end()
    else targetOf(exchange).end(writeWebTrailers(lines, dialect === 'web-text'))
  }

  /** Returns what the body of an answer is written to. */
  function targetOf(exchange: Exchange): ClientResponse {
    return options.countsBytes === true && !exchange.isWebSocket
      ? new CountedResponse(exchange.response, exchange.call)
      : exchange.response
  }

  /** Returns what the route says in place of the problem document of an error. */
  function ownRefusal(
    exchange: Exchange,
    error: GatewayError,
    write: NonNullable<RoutePlan['refusal']>,
  ): OwnRefusal | undefined {
    try {
      return write(error, exchange)
    } catch (bug) {
      onInternalError(bug)
      return undefined
    }
  }

  /** Lets the policies of the route edit a head in place, and returns its new status. */
  function editHead(exchange: Exchange, head: ResponseHead): number {
    try {
      for (const edit of exchange.plan!.onResponse) edit(head, exchange)
    } catch (error) {
      onInternalError(error)
    }
    return head.status
  }

  /** Returns what the answer is sent to: the client, behind what changes the body. */
  function transformed(
    exchange: Exchange,
    client: ClientResponse,
    transforms: readonly TransformBody[],
    head: ResponseHead,
    upstreamResponse: UpstreamResponse,
  ): ClientResponse {
    const fail = (error: unknown): void => {
      refuse(exchange, error)
      guard(exchange, () => upstreamResponse.discard())
    }
    const chosen = transforms.flatMap(transform => transform(head, exchange) ?? [])
    return chosen.reduceRight<ClientResponse>((target, put) => put(target, fail), client)
  }

  function asGatewayError(error: unknown): GatewayError {
    if (error instanceof GatewayError) return error
    onInternalError(error)
    return new GatewayError('WG_INTERNAL', { cause: error })
  }

  /** Discards the rest of a body that no node takes, so that the client can read its answer and send another request. */
  function discardUnreadBody({ bodies, request, head, outgoing }: Exchange): void {
    if (!head.chunked && head.contentLength === undefined) return
    if (!outgoing?.body?.begun) bodies.discard(request, onPiece)
  }

  return { answer, refuse }
}

/** Adds what every answer has, whoever gives it. */
export function addOwnFields(headers: string[], { requestId, tls }: Call): void {
  headers.push('x-request-id', requestId)
  if (tls !== undefined) addHsts(headers, tls)
}

/** Adds Strict-Transport-Security if it is configured and the node has sent none. */
function addHsts(headers: string[], { hsts }: ClientTls): void {
  if (hsts !== undefined && getHeader(headers, HSTS) === undefined) headers.push(HSTS, hsts)
}

const HSTS = 'strict-transport-security'

/** Adds the lines whose names are not among `headers`: what the gateway says there must reach the client. */
function addMissing(headers: string[], lines: readonly string[]): void {
  const added: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    if (getHeader(headers, lines[i]!.toLowerCase()) === undefined) added.push(lines[i]!, lines[i + 1]!)
  }
  headers.push(...added)
}

/** Whether a request in a dialect of gRPC is a call; nodes of HTTP get gRPC-web as a plain request. */
function isCall({ outgoing }: Exchange): boolean {
  return outgoing === undefined || outgoing.rpc !== undefined
}

/** Whether an answer to a gRPC call is gRPC itself. Fallbacks, and proxies in front of nodes, may answer plain HTTP. */
function isGrpc({ headers }: UpstreamResponse): boolean {
  return getHeader(headers, 'content-type')?.toLowerCase().startsWith('application/grpc') === true
}

function announceTrailers(headers: string[], names: readonly string[], plan: RoutePlan | undefined): void {
  const shown = names.filter(name => plan?.hidesFromClient?.(name) !== true)
  if (shown.length > 0) headers.push('trailer', shown.join(', '))
}
