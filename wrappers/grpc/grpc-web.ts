import { grpcDialectOf, toGrpcType, toWebType } from '../../internal/grpc/content-type.ts'
import type { FindMethod } from '../../internal/grpc/rpc.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { getHeader, removeHeaders, withoutHeaders } from '../../internal/http/header-lines.ts'
import type { UpstreamRequest, UpstreamResponse, Wrapper } from '../../internal/upstream.ts'
import { WebResponse } from './web-response.ts'
import { WebTextBody } from './web-text-body.ts'

/** How a client of gRPC-web speaks it. */
type WebDialect = 'web' | 'web-text'

/** Fields of a request that are about gRPC-web alone, or that this wrapper writes anew. */
const OF_WEB = new Set(['content-type', 'content-length', 'te', 'x-grpc-web', 'x-user-agent'])
/** Fields of an answer that do not hold for the body as the client gets it. */
const REWRITTEN = new Set(['content-type', 'content-length'])
/** Fields of an answer that stay in its head when its trailers, which came in the same head, go into the body. */
const OF_HEAD = new Set(['date', 'server', 'set-cookie'])

/**
 * Turns calls of gRPC-web into calls of gRPC, and the answers back (grpc/doc/PROTOCOL-WEB.md). Messages pass as they are;
 * only the trailers, which scripts in browsers cannot read, become the last part of the body.
 */
export function createGrpcWeb(findMethod: FindMethod): Wrapper {
  return next => (request, call) => {
    const { dialect, rpc, service } = request
    if (dialect === undefined || dialect === 'grpc' || rpc === undefined) return next(request, call)
    if (findMethod(service, rpc.method)?.streamsRequest) return Promise.reject(NO_CLIENT_STREAMS)
    return next(toGrpc(request, dialect), call).then(answer => toWeb(answer, dialect))
  }
}

const NO_CLIENT_STREAMS = new GatewayError('WG_NO_METHOD', {
  detail: 'The client of this method sends a stream, which gRPC-web does not have.',
})

function toGrpc(request: UpstreamRequest, dialect: WebDialect): UpstreamRequest {
  const { body } = request
  const headers = withoutHeaders(request.headers, OF_WEB)
  headers.push('content-type', toGrpcType(getHeader(request.headers, 'content-type') ?? ''), 'te', 'trailers')
  return { ...request, headers, body: dialect === 'web-text' && body ? new WebTextBody(body) : body }
}

function toWeb(answer: UpstreamResponse, dialect: WebDialect): UpstreamResponse {
  const { grpcStatus, status } = answer
  const type = getHeader(answer.headers, 'content-type') ?? ''
  // It is plain HTTP, which no part of gRPC-web can hold.
  if (grpcDialectOf(type) !== 'grpc') return answer
  const headers = ['content-type', toWebType(type, dialect)]
  const trailers: string[] | undefined = grpcStatus === undefined ? undefined : []
  for (let i = 0; i < answer.headers.length; i += 2) {
    const spelling = answer.headers[i]!
    const name = spelling.toLowerCase()
    if (REWRITTEN.has(name)) continue
    const lines = trailers === undefined || OF_HEAD.has(name) ? headers : trailers
    lines.push(spelling, answer.headers[i + 1]!)
  }
  return {
    status,
    grpcStatus,
    headers,
    sendBody(target, isHidden) {
      if (trailers && isHidden) removeHeaders(trailers, isHidden)
      answer.sendBody(new WebResponse(target, dialect === 'web-text', trailers), isHidden)
    },
    discard: () => answer.discard(),
  }
}
