import type { Call } from '../../internal/call.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { Transport, UpstreamRequest, UpstreamResponse } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { DrainedResponse } from './drained-response.ts'
import { ShadowPeer } from './shadow-peer.ts'

/** How the sending of a copy ended: with an answer, without one, or not in time. */
export type ShadowOutcome = 'answered' | 'failed' | 'timeout'

export interface ShadowsOptions {
  readonly nodes: Pick<NodeTable, 'get' | 'service'>
  readonly createTransport: (peer: Peer) => Transport
}

interface Shadow {
  readonly peer: ShadowPeer
  readonly transport: Transport
}

/**
 * Sends copies of requests, over connections of their own. What becomes of a copy touches neither the breakers and counters of
 * nodes, nor their health, the limits of services or their metrics. The owner calls `nodesChanged` and `close`.
 */
export class Shadows {
  readonly #options: ShadowsOptions
  readonly #shadows = new Map<Peer, Shadow>()
  /** Transports to nodes that have left, until their last copy is over. */
  readonly #leaving = new Set<Transport>()
  #isClosed = false

  constructor(options: ShadowsOptions) {
    this.#options = options
  }

  /**
   * Sends a request to a node of its service, and reads the answer for nothing. Resolves when that is over, and never
   * rejects.
   */
  send(request: UpstreamRequest, call: Call, timeoutMs: number): Promise<ShadowOutcome> {
    const shadow = this.#choose(request)
    if (shadow === undefined) return Promise.resolve('failed')
    call.peer = shadow.peer
    return new Promise(resolve => {
      const timer = setTimeout(() => {
        resolve('timeout')
        call.end(new UpstreamFailure('timeout'))
      }, timeoutMs)
      const settle = (outcome: ShadowOutcome) => {
        clearTimeout(timer)
        resolve(outcome)
      }
      const ask = (isAgain: boolean): void => {
        shadow.transport.send(request, call).then(
          answer => drain(answer, settle),
          error => {
            const mayAskAgain = !isAgain && request.body === null && call.ended === undefined
            if (mayAskAgain && isStale(error)) ask(true)
            else settle('failed')
          },
        )
      }
      ask(false)
    })
  }

  /** Closes the connections to nodes that a service no longer has. */
  nodesChanged(service: string): void {
    const present = this.#options.nodes.service(service)?.peers ?? []
    for (const [real, { peer, transport }] of this.#shadows) {
      if (peer.node.service !== service || present.includes(real)) continue
      this.#shadows.delete(real)
      this.#leaving.add(transport)
      void transport.close().then(() => this.#leaving.delete(transport))
    }
  }

  /** Ends every copy that is on its way. Further ones fail. */
  close(): void {
    this.#isClosed = true
    for (const { transport } of this.#shadows.values()) void transport.destroy()
    for (const transport of this.#leaving) void transport.destroy()
    this.#shadows.clear()
    this.#leaving.clear()
  }

  /** Chooses a node at random, by weight. A copy that finds a dead node harms nobody, so breakers are not asked. */
  #choose(request: UpstreamRequest): Shadow | undefined {
    const { nodes } = this.#options
    const selected = nodes.get(request.service)?.select(request.nodes).peers ?? []
    const peers = selected.filter(peer => peer.node.weight > 0 && !peer.isAvoided)
    let left = Math.random() * peers.reduce((sum, { node }) => sum + node.weight, 0)
    const chosen = peers.find(({ node }) => {
      left -= node.weight
      return left < 0
    })
    return chosen && !this.#isClosed ? this.#shadowOf(chosen) : undefined
  }

  #shadowOf(real: Peer): Shadow {
    let shadow = this.#shadows.get(real)
    if (shadow === undefined) {
      const peer = new ShadowPeer(real)
      shadow = { peer, transport: this.#options.createTransport(peer) }
      this.#shadows.set(real, shadow)
    }
    return shadow
  }
}

function drain(answer: UpstreamResponse, settle: (outcome: ShadowOutcome) => void): void {
  answer.sendBody(
    new DrainedResponse(result => {
      settle(result === 'broken' ? 'failed' : 'answered')
      if (result === 'long') answer.discard()
    }),
  )
}

/** Whether a node closed an idle connection just as it was used, which says nothing about the node. */
function isStale(error: unknown): boolean {
  return error instanceof UpstreamFailure && error.staleConnection
}
