import { isAboutTheNode } from '../../internal/grpc/rpc.ts'
import type { Node } from '../../internal/nodes/node.ts'

/**
 * Where it is known from that a service has a gRPC service: from descriptors that an operator has `written` into etcd or the
 * configuration; from the `metadata` of its nodes; or from what its nodes say (`reflected`).
 */
export type NameSource = 'written' | 'metadata' | 'reflected'

const NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/
/** Nodes choose the names. */
const MAX_NAMES = 1_000
const NO_NAMES: readonly string[] = []
/** How long the services that were there at the start have to say what they have. They are asked at once. */
const START_MS = 10_000

/**
 * The names of gRPC services, such as `task.v1.Tasks`, and the services of the registry that have them. Those are two kinds
 * of names, since a service registers as `task`.
 *
 * Nodes say themselves what they have, and anyone may register one. So the services that claim the same gRPC service have an
 * order. Those for which an operator has written it come first. The others follow in the order in which they claimed it, so a
 * new service takes no calls from one that has nodes. Services that had nodes when the gateway started have some seconds to
 * make their claims, which all count as the first ones. Among claims that are equally old, names decide.
 */
export class GrpcNames {
  readonly #now: () => number
  readonly #bySource: Readonly<Record<NameSource, Map<string, readonly string[]>>> = {
    written: new Map(),
    metadata: new Map(),
    reflected: new Map(),
  }
  /** The services of each gRPC name, in their order. */
  readonly #services = new Map<string, readonly string[]>()
  /** By service and then by name: claims, numbered as they came; 0 = at the start of the gateway. */
  readonly #claims = new Map<string, Map<string, number>>()
  #lastClaim = 0
  /** The services with nodes that were there when the gateway started. */
  readonly #initial = new Set<string>()
  /** Undefined until the first table is complete. */
  #startedAt: number | undefined = undefined

  /** @param now milliseconds on the monotonic clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** The first table is complete: services that come from now on come last. */
  started(): void {
    this.#startedAt ??= this.#now()
  }

  /** Takes the nodes of a service; none = the service is gone, and is a new one when it is back. */
  setNodes(service: string, nodes: readonly Node[]): void {
    if (nodes.length === 0) this.#initial.delete(service)
    else if (this.#startedAt === undefined) this.#initial.add(service)
    this.set(service, 'metadata', grpcNamesIn(nodes))
  }

  /** Replaces what the descriptors of a service say, which have one source at a time. */
  setDescribed(service: string, source: 'written' | 'reflected', names: readonly string[]): void {
    this.set(service, source, names)
    // In this order, so that a service keeps its place for names that both sources have.
    this.set(service, source === 'written' ? 'reflected' : 'written', NO_NAMES)
  }

  /** Replaces what a source says about a service. */
  set(service: string, source: NameSource, names: readonly string[]): void {
    const known = this.#bySource[source]
    const before = this.of(service)
    const usable = names.filter(name => NAME.test(name) && !isAboutTheNode(name)).slice(0, MAX_NAMES)
    if (usable.length === 0) known.delete(service)
    else known.set(service, usable)
    const after = this.of(service)
    const claims = this.#claims.get(service) ?? new Map<string, number>()
    for (const name of before) if (!after.has(name)) claims.delete(name)
    const number = this.#isAtStart(service) ? 0 : ++this.#lastClaim
    for (const name of after) if (!claims.has(name)) claims.set(name, number)
    if (claims.size === 0) this.#claims.delete(service)
    else this.#claims.set(service, claims)
    for (const name of new Set([...before, ...after])) this.#place(name, service, after.has(name))
  }

  /** Whether an operator has written that a service has a gRPC service. */
  isWritten(name: string, service: string): boolean {
    return this.#bySource.written.get(service)?.includes(name) === true
  }

  /** Returns the services of the registry that have a gRPC service. The first one comes before the others. */
  servicesOf(name: string): readonly string[] {
    return this.#services.get(name) ?? NO_NAMES
  }

  /** Returns the gRPC services of a service of the registry. */
  of(service: string): ReadonlySet<string> {
    const { written, metadata, reflected } = this.#bySource
    return new Set([written, metadata, reflected].flatMap(each => each.get(service) ?? NO_NAMES))
  }

  /** Iterates over the gRPC names and the services that have them. */
  entries(): IterableIterator<[name: string, services: readonly string[]]> {
    return this.#services.entries()
  }

  /** Puts a service in its place among those that have a gRPC service, or removes it. */
  #place(name: string, service: string, isThere: boolean): void {
    const others = this.servicesOf(name).filter(other => other !== service)
    const services = isThere ? [...others, service].sort((a, b) => this.#compare(name, a, b)) : others
    if (services.length === 0) this.#services.delete(name)
    else this.#services.set(name, services)
  }

  #compare(name: string, a: string, b: string): number {
    const written = Number(this.isWritten(name, b)) - Number(this.isWritten(name, a))
    if (written !== 0) return written
    const claimed = this.#claims.get(a)!.get(name)! - this.#claims.get(b)!.get(name)!
    return claimed === 0 ? (a < b ? -1 : 1) : claimed
  }

  #isAtStart(service: string): boolean {
    if (this.#startedAt === undefined) return true
    return this.#initial.has(service) && this.#now() - this.#startedAt < START_MS
  }
}

/** Returns the gRPC services that nodes name in their metadata: `grpcServices: "task.v1.Tasks,task.v1.Admin"`. */
export function grpcNamesIn(nodes: Iterable<Node>): string[] {
  const names = new Set<string>()
  for (const { metadata } of nodes) {
    for (const name of metadata.grpcServices?.split(',') ?? NO_NAMES) names.add(name.trim())
  }
  return [...names].sort()
}
