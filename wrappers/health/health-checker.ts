import { type HealthCheck, type HealthVerdict, isCheckable } from '../../internal/nodes/health.ts'
import { addressOf, laneOf, type Node, sameEndpoint } from '../../internal/nodes/node.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import type { CheckResult } from './check-node.ts'
import { NodeCheck, type NodeCheckOptions } from './node-check.ts'

export interface HealthCheckerOptions extends Pick<NodeCheckOptions, 'names' | 'allows' | 'tlsOf'> {
  readonly nodes: NodeTable
  /** Returns how to check a node: the same object as long as nothing changes; undefined = not at all. */
  readonly checkOf: (node: Node) => HealthCheck | undefined
  /** Is called when the health of a node changes; with `unchecked` when a node stays and its check ends. */
  readonly onVerdict: (verdict: HealthVerdict) => void
}

/** First checks are spread over this time, or over the interval if shorter: for the first table, and for new nodes. */
const SPREAD_MS = 1_000
const NEW_SPREAD_MS = 50

/**
 * Checks every node that gets requests and has a health check, again and again from `start()` until `stop()`. The owner
 * calls `stop()`.
 */
export class HealthChecker {
  readonly #options: HealthCheckerOptions
  readonly #checks = new Map<string, Map<string, NodeCheck>>()
  #isRunning = false
  /** Checks passed and failed since the start. */
  passed = 0
  failed = 0

  constructor(options: HealthCheckerOptions) {
    this.#options = options
  }

  /** The number of nodes that are checked. */
  get size(): number {
    let size = 0
    for (const checks of this.#checks.values()) size += checks.size
    return size
  }

  start(): void {
    this.#isRunning = true
    this.updateAll(SPREAD_MS)
  }

  stop(): void {
    this.#isRunning = false
    for (const checks of this.#checks.values()) for (const check of checks.values()) check.stop()
    this.#checks.clear()
  }

  /** Must be called when the rules of health checks have changed. */
  updateAll(spreadMs = NEW_SPREAD_MS): void {
    const services = [...this.#options.nodes.services()].map(({ name }) => name)
    for (const service of new Set([...services, ...this.#checks.keys()])) this.update(service, spreadMs)
  }

  /** Must be called when the nodes of a service have changed. */
  update(service: string, spreadMs = this.#options.nodes.isLoaded ? NEW_SPREAD_MS : SPREAD_MS): void {
    if (!this.#isRunning) return
    const { nodes, checkOf } = this.#options
    const before = this.#checks.get(service)
    const after = new Map<string, NodeCheck>()
    for (const peer of nodes.service(service)?.peers ?? []) {
      const { node } = peer
      const rule = node.weight > 0 ? checkOf(node) : undefined
      const check = rule && isCheckable(laneOf(node), rule) ? rule : undefined
      const old = before?.get(node.id)
      const isSame = old !== undefined && old.check === check && sameEndpoint(old.node, node)
      if (isSame) before!.delete(node.id)
      if (check) after.set(node.id, isSame ? old : this.#start(peer, check, spreadMs))
      else if (peer.health !== 'unchecked') this.#report(node, 'unchecked', NO_CHECK)
    }
    for (const check of before?.values() ?? []) check.stop()
    if (after.size > 0) this.#checks.set(service, after)
    else this.#checks.delete(service)
  }

  #start({ node, health }: Peer, check: HealthCheck, spreadMs: number): NodeCheck {
    const { names, allows, tlsOf } = this.#options
    return new NodeCheck({
      ...{ node, check, health, names, allows, tlsOf },
      firstAfterMs: Math.random() * Math.min(spreadMs, check.intervalMs),
      onChange: (changed, result) => this.#report(node, changed, result),
      onChecked: passed => {
        if (passed) this.passed++
        else this.failed++
      },
    })
  }

  #report(node: Node, health: HealthVerdict['health'], { reason, isHung }: CheckResult): void {
    const { service, id } = node
    this.#options.onVerdict({ service, id, address: addressOf(node), health, reason, isHung })
  }
}

const NO_CHECK: CheckResult = { passed: true, reason: 'no longer checked', isHung: false }
