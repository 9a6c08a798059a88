import { removeHeaders } from '../../internal/http/header-lines.ts'
import type { Exchange } from '../../internal/policy.ts'
import type { Upstream } from '../../internal/upstream.ts'
import { startCallDeadline, startRequestDeadline } from '../../middleware/request/call-deadline.ts'
import type { Deadlines } from '../../middleware/request/deadlines.ts'
import { completeHeaders } from './outgoing-request.ts'
import type { Respond } from './respond.ts'

/** What the configuration says about requests that are forwarded. */
export interface ForwardSettings {
  /** Calls a node, for routes whose policies do not wrap the call. */
  readonly upstream: Upstream
  /** Sends the handshake of a WebSocket to a node. */
  readonly handshake: Upstream
  /** The largest body for routes that do not set it, in bytes; 0 = no limit. */
  readonly maxBodyBytes: number
}

export interface ForwardOptions {
  /** Read for each request; a reload replaces the whole. */
  readonly settings: { readonly current: ForwardSettings }
  readonly deadlines: Deadlines
  /** Called with the size of each piece of a request body. */
  readonly onPiece: (bytes: number) => void
  readonly respond: Respond
}

/**
 * Creates the function that sends an admitted request to a node and its answer to the client. The function returns nothing
 * and never throws: every outcome is an answer, or the end of the client's connection.
 */
export function createForward(options: ForwardOptions): (exchange: Exchange) => void {
  const { settings, deadlines, onPiece, respond } = options
  return exchange => {
    const { bodies, call, head, request, response, expectation, plan } = exchange
    const outgoing = exchange.outgoing!
    const { route } = outgoing
    const deadline =
      outgoing.rpc === undefined ? startRequestDeadline(deadlines, call, route.timeoutMs) : undefined
    // That of a gRPC call holds until its answer is over.
    const callDeadline = outgoing.rpc && startCallDeadline(deadlines, call, outgoing.headers, route)
    if (callDeadline) response.once('close', () => callDeadline.clear())
    if (route.allowSlowClients) response.allowSlowClient()
    const hasBody = head.chunked || (head.contentLength !== undefined && Number(head.contentLength) > 0)
    if (hasBody) {
      outgoing.body = bodies.open(request, {
        maxBytes: route.maxBodyBytes ?? settings.current.maxBodyBytes,
        length: head.chunked ? undefined : Number(head.contentLength),
        // Sent only when a node wants the body, so that a client that is refused need not send it.
        sendContinue: expectation === 'continue' ? () => response.sendContinue() : undefined,
        // A client with an open stream of messages is silent for as long as it has none. gRPC-web has no such streams.
        mayPause: outgoing.dialect === 'grpc' && outgoing.rpc?.isStreaming !== false,
        onPiece: bytes => {
          if (deadline) deadlines.refresh(deadline)
          onPiece(bytes)
        },
        trailers: head.chunked ? () => trailersOf(exchange) : undefined,
      })
    }
    completeHeaders(exchange)
    if (hasBody && !head.chunked) outgoing.headers.push('content-length', head.contentLength!)
    if (head.acceptsTrailers && response.takesTrailers) outgoing.headers.push('te', 'trailers')
    if (head.trailer !== undefined && head.chunked) announceTrailers(exchange, head.trailer)
    let send = plan === undefined ? settings.current.upstream : plan.upstream
    if (exchange.isWebSocket) send = settings.current.handshake
    send(outgoing, call).then(
      answer => {
        deadline?.clear()
        respond.answer(exchange, answer, 'upstream')
      },
      error => {
        deadline?.clear()
        respond.refuse(exchange, error)
      },
    )
  }
}

/** Returns the trailers of a request that go to the node. The body must have ended. */
function trailersOf({ request, head, trailerFilter, plan }: Exchange): readonly string[] | undefined {
  const fields = trailerFilter.fields(request.rawTrailers, head.connectionOptions)
  if (fields !== undefined && plan?.hidesFromNode) removeHeaders(fields, plan.hidesFromNode)
  return fields
}

/** Tells the node which trailers the client announces. It may still send others, or none. */
function announceTrailers({ head, outgoing, plan, trailerFilter }: Exchange, value: string): void {
  const names = trailerFilter
    .names(value, head.connectionOptions)
    ?.filter(name => plan?.hidesFromNode?.(name) !== true)
  if (names !== undefined && names.length > 0) outgoing!.headers.push('trailer', names.join(', '))
}
