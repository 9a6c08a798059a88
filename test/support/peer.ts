import type { Health } from '../../internal/nodes/health.ts'
import { createNode, type Node, type NodeInput } from '../../internal/nodes/node.ts'
import type { BreakerState, Peer } from '../../internal/nodes/peer.ts'

/** A peer without connections, whose availability the test sets. */
export class FakePeer implements Peer {
  node: Node
  readonly address: string
  inFlight = 0
  requests = 0
  failures = 0
  timeouts = 0
  health: Health = 'unchecked'
  isAvoided = false
  warmingSince: number | undefined = undefined
  breaker: BreakerState = 'closed'
  retryInMs = 0
  /** Whether its breaker would let a request through. */
  up = true
  disposed = 0
  recovered = 0

  constructor(node: Node) {
    this.node = node
    this.address = `${node.host}:${node.port}`
  }

  available(): boolean {
    return this.up && this.node.weight > 0
  }

  recover(): void {
    this.recovered++
  }

  readmit(): boolean {
    return false
  }

  dispose(): void {
    this.disposed++
  }
}

/** Creates a valid node, with defaults for everything not given. */
export function testNode(input: Partial<NodeInput> = {}): Node {
  return createNode({ id: 'n1', service: 'user', host: '127.0.0.1', port: 3000, ...input })
}

/** Creates fake peers from ids and weights. */
export function fakePeers(weights: Readonly<Record<string, number>>): FakePeer[] {
  return Object.entries(weights).map(([id, weight]) => new FakePeer(testNode({ id, weight })))
}
