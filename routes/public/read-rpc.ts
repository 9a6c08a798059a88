import { type FindMethod, methodOf } from '../../internal/grpc/rpc.ts'
import type { Exchange } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { Rpc } from '../../internal/upstream.ts'

export interface RpcOptions {
  readonly findMethod: FindMethod
  /** Whether a service has nodes for plain requests and none for gRPC calls. */
  readonly speaksHttpAlone: (service: string) => boolean
}

/**
 * Returns the call that an authorized request makes; undefined when it goes to a node as plain HTTP.
 *
 * @param target as the node sees it
 * @param service whose nodes are to get it
 * @throws GatewayError WG_NO_METHOD when the target is not the path of a method
 */
export type ReadRpc = (exchange: Exchange, route: Route, target: string, service: string) => Rpc | undefined

export function createReadRpc({ findMethod, speaksHttpAlone }: RpcOptions): ReadRpc {
  return ({ call, dialect }, route, target, service) => {
    call.rpc = undefined
    if (dialect === undefined) return undefined
    // Nodes of HTTP may speak gRPC-web themselves.
    if (dialect !== 'grpc' && (route.grpc?.web === false || speaksHttpAlone(service))) return undefined
    const method = methodOf(target)
    call.rpc = method
    const traits = findMethod(service, method)
    return {
      method,
      isIdempotent: traits?.isIdempotent === true || route.grpc?.idempotent.includes(method) === true,
      isStreaming: traits && (traits.streamsRequest || traits.streamsAnswer),
    }
  }
}
