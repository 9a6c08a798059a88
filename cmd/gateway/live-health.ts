import { parseHealthCheck } from '../../config/route/health-check.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { HealthCheck, HealthVerdict } from '../../internal/nodes/health.ts'
import type { Node } from '../../internal/nodes/node.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import { HealthChecker } from '../../wrappers/health/health-checker.ts'
import { rerouteWaiting } from '../../wrappers/node/ejection.ts'
import type { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import { HealthVerdicts } from './health-verdicts.ts'

/** The key of a node's metadata that says how it is to be checked. */
const METADATA_KEY = 'healthCheck'
/** Texts of metadata whose meaning is remembered; each service has one, as a rule. */
const MAX_TEXTS = 10_000

/** Health as one process tells another. */
export interface HealthNews {
  readonly verdicts: readonly HealthVerdict[]
  /** Whether nodes that are not named are unchecked. */
  readonly isAll: boolean
}

export interface LiveHealthOptions {
  readonly nodes: NodeTable
  /** What the routes of a service say; null = no check, undefined = nothing. */
  readonly ruleOf: (service: string) => HealthCheck | null | undefined
  /** For services of which neither routes nor nodes say anything. */
  readonly fallback: HealthCheck | undefined
  /** Whether a connection may be made to an IP address. */
  readonly allows: (address: string, port: number) => boolean
  readonly logger: Logger
}

/**
 * Keeps the health of nodes in the node table: as its own checks find it, once it was told to check, or as another
 * process does. Whoever made it calls `close()`.
 */
export class LiveHealth {
  readonly #options: LiveHealthOptions
  readonly #checker: HealthChecker
  /** A verdict may come before its node. */
  readonly #verdicts = new HealthVerdicts()
  readonly #parsed = new Map<string, ReturnType<typeof parseHealthCheck>>()
  readonly #panicking = new Set<string>()
  #isChecking = false
  /** Told what the checks of this process find. */
  onNews: (news: HealthNews) => void = () => {}

  constructor(options: LiveHealthOptions) {
    this.#options = options
    this.#checker = new HealthChecker({
      nodes: options.nodes,
      allows: options.allows,
      checkOf: node => this.#checkOf(node),
      onVerdict: verdict => this.#found(verdict),
    })
  }

  /** What this process has checked so far, and how many nodes it checks. */
  get checks(): { readonly nodes: number; readonly passed: number; readonly failed: number } {
    const { size, passed, failed } = this.#checker
    return { nodes: size, passed, failed }
  }

  /** From now on this process checks, until `close()`; and tells at once what is known so far. */
  startChecking(): void {
    if (this.#isChecking) return
    this.#isChecking = true
    for (const verdict of this.#verdicts.all())
      if (!this.#isHere(verdict)) this.#verdicts.put(unchecked(verdict))
    this.onNews({ verdicts: this.#verdicts.all(), isAll: true })
    this.#checker.start()
  }

  /** Takes what another process has found. */
  apply({ verdicts, isAll }: HealthNews): void {
    if (isAll) {
      const keyOf = ({ service, id }: HealthVerdict) => `${service}/${id}`
      const named = new Set(verdicts.map(keyOf))
      for (const verdict of this.#verdicts.all())
        if (!named.has(keyOf(verdict))) this.#take(unchecked(verdict))
    }
    for (const verdict of verdicts) this.#take(verdict)
  }

  /** To be called when the node table has other nodes of a service. */
  nodesChanged(service: string): void {
    const { nodes } = this.#options
    for (const peer of nodes.get(service)?.peers ?? []) {
      const verdict = this.#verdicts.get(service, peer.node.id)
      if (verdict && verdict.address === peer.address && verdict.health !== peer.health) {
        nodes.judge(peer, verdict.health)
      }
    }
    if (!this.#isChecking) return
    this.#forgetGone(service)
    this.#checker.update(service)
    this.#tellPanic(service)
  }

  /** To be called when what routes say has changed. */
  rulesChanged(): void {
    if (this.#isChecking) this.#checker.updateAll()
  }

  /** What is wrong with the checks that nodes ask for. */
  problems(): { readonly key: string; readonly reason: string }[] {
    const found: { key: string; reason: string }[] = []
    for (const { name, peers } of this.#options.nodes.services()) {
      if (this.#options.ruleOf(name) !== undefined) continue
      for (const { node } of peers) {
        const parsed = this.#parse(node)
        if (!parsed || 'check' in parsed) continue
        found.push({ key: `${name}/${node.id}`, reason: `metadata.${METADATA_KEY} ${parsed.reason}` })
      }
    }
    return found
  }

  close(): void {
    this.#isChecking = false
    this.#checker.stop()
  }

  #checkOf(node: Node): HealthCheck | undefined {
    const rule = this.#options.ruleOf(node.service)
    if (rule !== undefined) return rule ?? undefined
    const parsed = this.#parse(node)
    if (!parsed) return this.#options.fallback
    return 'check' in parsed ? parsed.check : undefined
  }

  #parse({ metadata }: Node) {
    const text = metadata[METADATA_KEY]
    if (text === undefined) return undefined
    let parsed = this.#parsed.get(text)
    if (!parsed) {
      parsed = parseHealthCheck(text)
      // A check that is parsed anew is another one, and begins anew.
      if (this.#parsed.size >= MAX_TEXTS) this.#parsed.clear()
      this.#parsed.set(text, parsed)
    }
    return parsed
  }

  /** A check of this process has changed what is known. */
  #found(verdict: HealthVerdict): void {
    const { service, id, health, reason } = verdict
    this.#options.logger.info({ service, node: id, health, reason }, 'health changed')
    this.#take(verdict)
    this.#tellPanic(service)
    this.onNews({ verdicts: [verdict], isAll: false })
  }

  #take(verdict: HealthVerdict): void {
    const { service, id, address, health, isHung } = verdict
    const { nodes } = this.#options
    this.#verdicts.put(verdict)
    const peer = this.#peer(service, id)
    if (peer?.address !== address) return
    nodes.judge(peer, health)
    if (isHung && health === 'unhealthy') rerouteWaiting(peer as UpstreamPeer, nodes.get(service)!.peers)
  }

  /** Verdicts on nodes that have left the table, here and in other processes. */
  #forgetGone(service: string): void {
    const gone = this.#verdicts
      .of(service)
      .filter(verdict => !this.#isHere(verdict))
      .map(unchecked)
    if (gone.length === 0) return
    for (const verdict of gone) this.#verdicts.put(verdict)
    this.onNews({ verdicts: gone, isAll: false })
  }

  #tellPanic(service: string): void {
    const isPanicking = this.#options.nodes.get(service)?.isPanicking ?? false
    if (isPanicking === this.#panicking.has(service)) return
    if (isPanicking) {
      this.#panicking.add(service)
      this.#options.logger.warn({ service }, 'every node of the service fails its check; all are used')
    } else {
      this.#panicking.delete(service)
      this.#options.logger.info({ service }, 'nodes of the service pass their checks again')
    }
  }

  #isHere({ service, id, address }: HealthVerdict): boolean {
    return this.#peer(service, id)?.address === address
  }

  #peer(service: string, id: string) {
    return this.#options.nodes.get(service)?.peers.find(({ node }) => node.id === id)
  }
}

function unchecked(verdict: HealthVerdict): HealthVerdict {
  return { ...verdict, health: 'unchecked' }
}
