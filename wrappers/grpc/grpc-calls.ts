import type { Call } from '../../internal/call.ts'
import { isAboutTheNode, isListed } from '../../internal/grpc/rpc.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { UpstreamResponse, Wrapper } from '../../internal/upstream.ts'

/**
 * Admits gRPC calls of the methods that their route allows, and notes how they end. All calls pass here, whether their
 * clients speak gRPC, gRPC-web or JSON, so that no method has a door without its lock.
 *
 * @param isAutomatic whether services without a route document can be called
 */
export function createGrpcCalls(isAutomatic: boolean): Wrapper {
  return next => (request, call) => {
    const { route, rpc } = request
    if (rpc === undefined) return next(request, call)
    call.rpc = rpc.method
    if (!isOpenMethod(route, rpc.method, isAutomatic)) return Promise.reject(new GatewayError('WG_NO_METHOD'))
    return next(request, call).then(answer => noted(answer, call))
  }
}

/**
 * Whether a route opens a method.
 *
 * @param isAutomatic whether services without a route document can be called
 */
export function isOpenMethod({ origin, grpc }: Route, method: string, isAutomatic: boolean): boolean {
  if (origin === 'auto' && (!isAutomatic || isAboutTheNode(method))) return false
  return isListed(method, grpc?.allow)
}

function noted(answer: UpstreamResponse, call: Call): UpstreamResponse {
  if (answer.grpcStatus !== undefined) call.grpcStatus = answer.grpcStatus
  answer.whenOver?.(({ grpcStatus }) => {
    call.grpcStatus = grpcStatus
  })
  return answer
}
