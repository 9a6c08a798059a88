import type { Upstream } from '../../internal/upstream.ts'
import { chosenPeer } from './upstream-peer.ts'

/** Creates the innermost upstream, which sends one request to the chosen node over the transport of that node. */
export function createDispatch(): Upstream {
  return (request, call) => chosenPeer(call).transport.send(request, call)
}
