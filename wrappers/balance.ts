import { GatewayError } from '../internal/errors.ts'
import type { NodeTable, ServicePeers } from '../internal/node-table.ts'
import type { Outcome, Wrapper } from '../internal/upstream.ts'

/**
 * Chooses the node of each try: an available one of the request's service that this call has not tried.
 *
 * @throws GatewayError WG_NO_NODE, or WG_CIRCUIT_OPEN with Retry-After when breakers alone are in the way
 */
export function createBalance<T extends Outcome>(nodes: NodeTable): Wrapper<T> {
  return next => (request, call) => {
    const service = nodes.get(request.service)
    const peer = service?.balancer(request.route.balancer).pick(service.peers, call)
    if (!peer) return Promise.reject(unavailable(service))
    call.peer = peer
    call.attempts++
    peer.requests++
    return next(request, call)
  }
}

function unavailable(service: ServicePeers | undefined): GatewayError {
  const broken = service?.peers.filter(peer => peer.node.weight > 0 && peer.breaker !== 'closed') ?? []
  if (broken.length === 0) return new GatewayError('WG_NO_NODE')
  const retryInMs = Math.min(...broken.map(peer => peer.retryInMs))
  return new GatewayError('WG_CIRCUIT_OPEN', {
    headers: { 'retry-after': String(Math.max(1, Math.ceil(retryInMs / 1000))) },
  })
}
