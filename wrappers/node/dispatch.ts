import type { Upstream } from '../../internal/upstream.ts'
import { chosenPeer } from './upstream-peer.ts'

/** The innermost upstream: one request to the chosen node, over the transport of that node. */
export function createDispatch(): Upstream {
  return (request, call) => chosenPeer(call).transport.send(request, call)
}
