import { isAboutTheNode } from '../../internal/grpc/rpc.ts'
import type { Node } from '../../internal/nodes/node.ts'

/** Where it is known from that a service has a gRPC service: `metadata` of its nodes, or `descriptors`. */
export type NameSource = 'metadata' | 'descriptors'

const NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/
/** Nodes choose the names. */
const MAX_NAMES = 1_000
const NO_NAMES: readonly string[] = []

/**
 * The names of gRPC services, such as `task.v1.Tasks`, and the services of the registry that have them. Those are two kinds
 * of names, since a service registers as `task`.
 */
export class GrpcNames {
  readonly #bySource: Readonly<Record<NameSource, Map<string, readonly string[]>>> = {
    metadata: new Map(),
    descriptors: new Map(),
  }
  /** The services of each gRPC name, sorted. */
  readonly #services = new Map<string, readonly string[]>()

  /** Replaces what a source says about a service. */
  set(service: string, source: NameSource, names: readonly string[]): void {
    const known = this.#bySource[source]
    const before = this.of(service)
    const usable = names.filter(name => NAME.test(name) && !isAboutTheNode(name)).slice(0, MAX_NAMES)
    if (usable.length === 0) known.delete(service)
    else known.set(service, usable)
    const after = this.of(service)
    for (const name of before) if (!after.has(name)) this.#remove(name, service)
    for (const name of after) if (!before.has(name)) this.#add(name, service)
  }

  /** Returns the services of the registry that have a gRPC service, sorted. */
  servicesOf(name: string): readonly string[] {
    return this.#services.get(name) ?? NO_NAMES
  }

  /** Returns the gRPC services of a service of the registry. */
  of(service: string): ReadonlySet<string> {
    const { metadata, descriptors } = this.#bySource
    return new Set([...(metadata.get(service) ?? NO_NAMES), ...(descriptors.get(service) ?? NO_NAMES)])
  }

  /** Iterates over the gRPC names and the services that have them. */
  entries(): IterableIterator<[name: string, services: readonly string[]]> {
    return this.#services.entries()
  }

  #add(name: string, service: string): void {
    this.#services.set(name, [...this.servicesOf(name), service].sort())
  }

  #remove(name: string, service: string): void {
    const others = this.servicesOf(name).filter(other => other !== service)
    if (others.length === 0) this.#services.delete(name)
    else this.#services.set(name, others)
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
