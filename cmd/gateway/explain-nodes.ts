import { GatewayError } from '../../internal/http/errors.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import { type Peer, stateOf } from '../../internal/nodes/peer.ts'
import type { OutgoingRequest } from '../../internal/policy.ts'
import type { ExplainNode } from '../../routes/admin/explain.ts'

/** Returns the nodes that a request may go to, and why some of them get none. */
export function nodesFor(
  { service, nodes: selection }: OutgoingRequest,
  nodes: NodeTable,
  isCall: boolean,
): ExplainNode[] {
  const lane = nodes.get(service, isCall ? 'grpc' : 'http')
  return sharesOf(lane?.select(selection).peers ?? [])
}

/** @throws GatewayError WG_NO_NODE when none of the nodes can be used */
export function requireNode(shown: readonly ExplainNode[]): number {
  const eligible = shown.filter(node => node.eligible).length
  if (eligible === 0) throw new GatewayError('WG_NO_NODE')
  return eligible
}

/** Returns the share of each node, as far as it follows from weights: balancers that look at requests in flight differ. */
function sharesOf(peers: readonly Peer[]): ExplainNode[] {
  const judged = peers.map(peer => ({ peer, why: whyNot(peer) }))
  const total = judged.reduce((sum, { peer, why }) => sum + (why === undefined ? peer.node.weight : 0), 0)
  return judged.map(({ peer: { node }, why }) => {
    const share = why === undefined ? Math.round((10_000 * node.weight) / total) / 100 : 0
    return { id: node.id, share, eligible: why === undefined, ...(why !== undefined && { why }) }
  })
}

function whyNot(peer: Peer): string | undefined {
  if (peer.available()) return undefined
  if (peer.node.weight === 0) return 'its weight is 0'
  if (peer.health === 'unhealthy') return 'its health check fails'
  if (peer.breaker === 'open') return 'its circuit breaker is open'
  return `it is ${stateOf(peer)}`
}
