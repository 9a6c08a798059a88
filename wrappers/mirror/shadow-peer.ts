import type { Health } from '../../internal/nodes/health.ts'
import type { Node } from '../../internal/nodes/node.ts'
import type { Peer } from '../../internal/nodes/peer.ts'

/** What copies of requests know of a node: the counters that a transport keeps, of which nobody sees any. */
export class ShadowPeer implements Peer {
  readonly #real: Peer
  readonly address: string
  inFlight = 0
  requests = 0
  failures = 0
  timeouts = 0
  health: Health = 'unchecked'
  isAvoided = false
  sessions: number | undefined = undefined
  readonly breaker = 'closed'
  readonly retryInMs = 0

  /** @param real the peer of the node table */
  constructor(real: Peer) {
    this.#real = real
    this.address = real.address
  }

  get node(): Node {
    return this.#real.node
  }

  available(): boolean {
    return true
  }

  recover(): void {}

  readmit(): boolean {
    return false
  }

  dispose(): void {}
}
