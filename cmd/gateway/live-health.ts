import { parseHealthCheck } from '../../config/route/health-check.ts'
import type { KeyProblem } from '../../discovery/key-problems.ts'
import type { Logger } from '../../discovery/logger.ts'
import { getOrMake } from '../../internal/get-or-make.ts'
import {
  type Health,
  type HealthCheck,
  type HealthVerdict,
  isCheckable,
} from '../../internal/nodes/health.ts'
import { laneOf, type Node } from '../../internal/nodes/node.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import type { Peer } from '../../internal/nodes/peer.ts'
import { HealthChecker } from '../../wrappers/health/health-checker.ts'
import type { Names } from '../../wrappers/names/names.ts'
import { rerouteWaiting } from '../../wrappers/node/ejection.ts'
import type { UpstreamPeer } from '../../wrappers/node/upstream-peer.ts'
import type { TlsSettings } from '../../wrappers/transport/node-tls.ts'
import { HealthVerdicts } from './health-verdicts.ts'

/** The metadata key with the health check that a node asks for. */
const METADATA_KEY = 'healthCheck'
/** Parsed metadata texts that are kept. Usually all nodes of a service have the same text. */
const MAX_TEXTS = 10_000

/** Health verdicts, as one process sends them to another. */
export interface HealthNews {
  readonly verdicts: readonly HealthVerdict[]
  /** Whether these are all verdicts: any other node is unchecked. */
  readonly isAll: boolean
}

export interface LiveHealthOptions {
  readonly nodes: NodeTable
  /** Returns the check that the routes of a service set; null = no check, undefined = no route sets one. */
  readonly ruleOf: (service: string) => HealthCheck | null | undefined
  /** Returns the check where neither routes nor nodes set one. */
  readonly fallback: () => HealthCheck | undefined
  readonly names: Names
  /** Whether a connection may be made to an IP address. */
  readonly allows: (address: string, port: number) => boolean
  /** Returns the present settings of TLS with the nodes of a service. */
  readonly tlsOf: (service: string) => TlsSettings
  readonly logger: Logger
}

/**
 * Keeps the health of nodes in the node table up to date. The verdicts come from this process's own checks after
 * `startChecking()`, or from another process through `apply()`. The owner calls `close()`.
 */
export class LiveHealth {
  readonly #options: LiveHealthOptions
  readonly #checker: HealthChecker
  /** Kept apart from the node table, because a verdict may arrive before its node. */
  readonly #verdicts = new HealthVerdicts()
  readonly #parsed = new Map<string, ReturnType<typeof parseHealthCheck>>()
  readonly #panicking = new Set<string>()
  /** The peers of a service by id. Their list is another one after each change. */
  readonly #byId = new WeakMap<readonly Peer[], ReadonlyMap<string, Peer>>()
  #isChecking = false
  /** Called with the verdicts of this process's checks. */
  onNews: (news: HealthNews) => void = () => {}

  constructor(options: LiveHealthOptions) {
    this.#options = options
    this.#checker = new HealthChecker({
      nodes: options.nodes,
      names: options.names,
      allows: options.allows,
      tlsOf: options.tlsOf,
      checkOf: node => this.#checkOf(node),
      onVerdict: verdict => this.#onVerdict(verdict),
    })
  }

  /** The number of nodes that this process checks, and of checks that passed and failed so far. */
  get checks(): { readonly nodes: number; readonly passed: number; readonly failed: number } {
    const { size, passed, failed } = this.#checker
    return { nodes: size, passed, failed }
  }

  /** Makes this process check nodes until `close()`. Reports the verdicts known so far at once. */
  startChecking(): void {
    if (this.#isChecking) return
    this.#isChecking = true
    for (const verdict of this.#verdicts.all())
      if (!this.#isHere(verdict)) this.#verdicts.put(unchecked(verdict))
    this.onNews({ verdicts: this.#verdicts.all(), isAll: true })
    this.#checker.start()
  }

  /** Applies the verdicts of another process. */
  apply({ verdicts, isAll }: HealthNews): void {
    if (isAll) {
      const keyOf = ({ service, id }: HealthVerdict) => `${service}/${id}`
      const named = new Set(verdicts.map(keyOf))
      this.#take(
        this.#verdicts
          .all()
          .filter(verdict => !named.has(keyOf(verdict)))
          .map(unchecked),
      )
    }
    this.#take(verdicts)
  }

  /** Call it when the nodes of a service in the node table have changed. */
  nodesChanged(service: string): void {
    const { nodes } = this.#options
    const judged: [Peer, Health][] = []
    for (const peer of nodes.service(service)?.peers ?? []) {
      const verdict = this.#verdicts.get(service, peer.node.id)
      if (verdict && verdict.address === peer.address && verdict.health !== peer.health) {
        judged.push([peer, verdict.health])
      }
    }
    nodes.judgeAll(judged)
    if (!this.#isChecking) return
    this.#forgetGone(service)
    this.#checker.update(service)
    this.#reportPanic(service)
  }

  /** Call it when the rules that routes set have changed. */
  rulesChanged(): void {
    if (this.#isChecking) this.#checker.updateAll()
  }

  /** Returns the nodes whose metadata has an invalid health check, and the reasons. */
  problems(): KeyProblem[] {
    const found: KeyProblem[] = []
    for (const { name, peers } of this.#options.nodes.services()) {
      if (this.#options.ruleOf(name) !== undefined) continue
      for (const { node } of peers) {
        const reason = this.#problemOf(node)
        if (reason !== undefined)
          found.push({ key: `${name}/${node.id}`, reason: `metadata.${METADATA_KEY} ${reason}` })
      }
    }
    return found
  }

  #problemOf(node: Node): string | undefined {
    const parsed = this.#parse(node)
    const lane = laneOf(node)
    if (!parsed || lane === undefined) return undefined
    if ('reason' in parsed) return parsed.reason
    if (isCheckable(lane, parsed.check)) return undefined
    return lane === 'grpc'
      ? 'must be `grpc` or `tcp`, because the protocol of the node is gRPC'
      : 'must be a path or `tcp`, because the protocol of the node is not gRPC'
  }

  close(): void {
    this.#isChecking = false
    this.#checker.stop()
  }

  #checkOf(node: Node): HealthCheck | undefined {
    const rule = this.#options.ruleOf(node.service)
    if (rule !== undefined) return rule ?? undefined
    const parsed = this.#parse(node)
    if (!parsed) return this.#options.fallback()
    return 'check' in parsed ? parsed.check : undefined
  }

  #parse({ metadata }: Node) {
    const text = metadata[METADATA_KEY]
    if (text === undefined) return undefined
    let parsed = this.#parsed.get(text)
    if (!parsed) {
      parsed = parseHealthCheck(text)
      // A check that is parsed again is a new object, and so starts over.
      if (this.#parsed.size >= MAX_TEXTS) this.#parsed.clear()
      this.#parsed.set(text, parsed)
    }
    return parsed
  }

  /** Applies a verdict of this process's own checks, logs it and reports it. */
  #onVerdict(verdict: HealthVerdict): void {
    const { service, id, health, reason } = verdict
    this.#options.logger.info({ service, node: id, health, reason }, 'health changed')
    this.#take([verdict])
    this.#reportPanic(service)
    this.onNews({ verdicts: [verdict], isAll: false })
  }

  /** Applies verdicts, of which there may be thousands at once. */
  #take(verdicts: readonly HealthVerdict[]): void {
    const { nodes } = this.#options
    const judged: [Peer, Health][] = []
    const hung: Peer[] = []
    for (const verdict of verdicts) {
      const { service, id, address, health, isHung } = verdict
      this.#verdicts.put(verdict)
      const peer = this.#peer(service, id)
      if (peer?.address !== address) continue
      judged.push([peer, health])
      if (isHung && health === 'unhealthy') hung.push(peer)
    }
    nodes.judgeAll(judged)
    for (const peer of hung) {
      const { service } = peer.node
      rerouteWaiting(peer as UpstreamPeer, nodes.get(service, laneOf(peer.node))?.peers ?? [])
    }
  }

  /** Removes the verdicts of nodes that have left the table, here and in other processes. */
  #forgetGone(service: string): void {
    const gone = this.#verdicts
      .of(service)
      .filter(verdict => !this.#isHere(verdict))
      .map(unchecked)
    if (gone.length === 0) return
    for (const verdict of gone) this.#verdicts.put(verdict)
    this.onNews({ verdicts: gone, isAll: false })
  }

  /** Logs when a service goes into panic, and when the panic ends. */
  #reportPanic(service: string): void {
    const isPanicking = this.#options.nodes.service(service)?.isPanicking ?? false
    if (isPanicking === this.#panicking.has(service)) return
    if (isPanicking) {
      this.#panicking.add(service)
      this.#options.logger.warn(
        { service },
        'panic began: every node of the service fails its health check, so all are used',
      )
    } else {
      this.#panicking.delete(service)
      this.#options.logger.info(
        { service },
        'panic ended: nodes of the service pass their health checks again',
      )
    }
  }

  #isHere({ service, id, address }: HealthVerdict): boolean {
    return this.#peer(service, id)?.address === address
  }

  #peer(service: string, id: string): Peer | undefined {
    const peers = this.#options.nodes.service(service)?.peers
    if (peers === undefined) return undefined
    return getOrMake(this.#byId, peers, () => new Map(peers.map(peer => [peer.node.id, peer]))).get(id)
  }
}

function unchecked(verdict: HealthVerdict): HealthVerdict {
  return { ...verdict, health: 'unchecked' }
}
