import { getOrMake } from '../internal/get-or-make.ts'
import { type Node, sameNode } from '../internal/nodes/node.ts'
import { compareKeys } from './service-of.ts'

/** Gathering all nodes costs less than this many moves within a long list. */
const MAX_PATCHED_KEYS = 64
const NOTHING_MOVED: ReadonlyMap<string, readonly Node[]> = new Map()
const newMoves = () => new Map<string, readonly Node[]>()

/**
 * Collects the nodes of each service from the keys that hold them.
 *
 * - When two nodes of a service have the same id, the one under the first key in key order is used.
 * - A suspect gives way to a confirmed node with the same id or address: that is the same node, registered
 *   again.
 * - An unchanged node stays the same object, so that state can be held by node without comparing.
 */
export class ServiceIndex {
  readonly #nodesOf: (key: string) => readonly Node[]
  readonly #isLeased: (key: string) => boolean
  readonly #keysOf = new Map<string, Set<string>>()
  readonly #services = new Map<string, readonly Node[]>()
  /** By service, then by key: why a node is not used, because another key has its id. */
  readonly #duplicates = new Map<string, ReadonlyMap<string, string>>()
  /** By service, then by id: the keys of nodes without a lease, where other keys of the service have one. */
  readonly #unleased = new Map<string, ReadonlyMap<string, string>>()
  /** By service, then by key: what the key had at the last `gather`, for the keys that were moved since. */
  readonly #moved = new Map<string, Map<string, readonly Node[]>>()
  /** The services of which no two nodes depend on each other, and whether all of their keys are under a lease, or none is. */
  readonly #plain = new Map<string, boolean>()
  #size = 0

  /**
   * @param nodesOf returns the current nodes of a key
   * @param isLeased returns whether a key is under a lease; needed only for `unleased`
   */
  constructor(nodesOf: (key: string) => readonly Node[], isLeased: (key: string) => boolean = () => false) {
    this.#nodesOf = nodesOf
    this.#isLeased = isLeased
  }

  /** Every service that has a node; nodes ordered by id. */
  get services(): ReadonlyMap<string, readonly Node[]> {
    return this.#services
  }

  /** The number of nodes over all services, without suspects. */
  get size(): number {
    return this.#size
  }

  /** Returns the number of nodes of one service, without suspects. */
  sizeOf(service: string): number {
    return confirmed(this.#services.get(service) ?? [])
  }

  get hasDuplicates(): boolean {
    return this.#duplicates.size > 0
  }

  /** Yields the keys with a node that is not used because another key has its id, and the reason. */
  *duplicates(): Iterable<readonly [key: string, reason: string]> {
    for (const byKey of this.#duplicates.values()) yield* byKey
  }

  /**
   * The nodes whose key has no lease, by service, then by id, with the key; only of services of which other keys
   * have one. Such a node stays when its process dies, and its key most likely had a lease before somebody wrote it.
   */
  get unleased(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    return this.#unleased
  }

  /**
   * Records that the nodes of `key` have changed. The caller must then call `gather` for each service
   * touched.
   */
  move(key: string, before: readonly Node[], after: readonly Node[], touched: Set<string>): void {
    const services = new Set([...before, ...after].map(({ service }) => service))
    for (const service of services) {
      getOrMake(getOrMake(this.#moved, service, newMoves), key, () => before)
    }
    for (const { service } of before) {
      this.#keysOf.get(service)?.delete(key)
      touched.add(service)
    }
    for (const { service } of after) {
      getOrMake(this.#keysOf, service, () => new Set<string>()).add(key)
      touched.add(service)
    }
  }

  /** Collects the nodes of a service again. Returns whether they have changed. */
  gather(service: string): boolean {
    const moved = this.#moved.get(service) ?? NOTHING_MOVED
    this.#moved.delete(service)
    return this.#patch(service, moved) ?? this.#gatherAll(service)
  }

  /**
   * Applies the moves of a few keys to a plain service that stays one, in a time that hardly grows with its nodes.
   *
   * @returns whether its nodes have changed; undefined when all of them must be gathered
   */
  #patch(service: string, moved: ReadonlyMap<string, readonly Node[]>): boolean | undefined {
    const isLeased = this.#plain.get(service)
    const present = this.#services.get(service)
    if (isLeased === undefined || present === undefined || moved.size > MAX_PATCHED_KEYS) return undefined
    const [gone, come] = [new Map<string, Node>(), new Map<string, Node>()]
    for (const [key, before] of moved) {
      const after = this.#nodesOf(key).filter(node => node.service === service)
      if (after.length > 0 && this.#isLeased(key) !== isLeased) return undefined
      for (const node of before) if (node.service === service) gone.set(node.id, node)
      for (const node of after) {
        if (node.suspect || come.has(node.id)) return undefined
        come.set(node.id, node)
      }
    }
    const nodes = present.slice()
    let isChanged = false
    for (const id of gone.keys()) {
      const place = placeOf(nodes, id)
      if (nodes[place]?.id !== id) return undefined
      if (come.has(id)) continue
      nodes.splice(place, 1)
      isChanged = true
    }
    for (const [id, node] of come) {
      const place = placeOf(nodes, id)
      const old = nodes[place]?.id === id ? nodes[place] : undefined
      // Another key has the id.
      if (old && !gone.has(id)) return undefined
      if (old && sameNode(old, node)) continue
      nodes.splice(place, old ? 1 : 0, node)
      isChanged = true
    }
    if (nodes.length === 0) return undefined
    this.#size += nodes.length - present.length
    if (isChanged) this.#services.set(service, nodes)
    return isChanged
  }

  #gatherAll(service: string): boolean {
    const byId = new Map<string, { node: Node; key: string }>()
    const duplicates = new Map<string, string>()
    const addresses = new Set<string>()
    const unleased = new Map<string, string>()
    let leased = 0
    let count = 0
    let suspects = 0
    for (const key of [...(this.#keysOf.get(service) ?? [])].sort(compareKeys)) {
      const isLeased = this.#isLeased(key)
      for (const node of this.#nodesOf(key)) {
        if (node.service !== service) continue
        count++
        if (node.suspect) suspects++
        if (isLeased) leased++
        else if (!node.suspect) unleased.set(node.id, key)
        const first = byId.get(node.id)
        if (!first || first.node.suspect) byId.set(node.id, { node, key })
        else if (!node.suspect) {
          duplicates.set(key, `node id "${node.id}" of service "${service}" is already used by ${first.key}`)
        }
        if (!node.suspect) addresses.add(`${node.host} ${node.port}`)
      }
    }
    if (duplicates.size > 0) this.#duplicates.set(service, duplicates)
    else this.#duplicates.delete(service)
    if (leased > 0 && unleased.size > 0) this.#unleased.set(service, unleased)
    else this.#unleased.delete(service)

    const isPlain = suspects === 0 && byId.size === count && (leased === 0 || leased === count)
    if (isPlain && count > 0) this.#plain.set(service, leased > 0)
    else this.#plain.delete(service)

    const before = this.#services.get(service) ?? []
    const known = new Map(before.map(node => [node.id, node]))
    const nodes: Node[] = []
    for (const { node } of byId.values()) {
      if (node.suspect && addresses.has(`${node.host} ${node.port}`)) continue
      const old = known.get(node.id)
      nodes.push(old && sameNode(old, node) ? old : node)
    }
    nodes.sort((a, b) => compareKeys(a.id, b.id))
    this.#size += confirmed(nodes) - confirmed(before)
    if (nodes.length > 0) this.#services.set(service, nodes)
    else this.#services.delete(service)
    if (this.#keysOf.get(service)?.size === 0) this.#keysOf.delete(service)
    return !sameNodes(before, nodes)
  }
}

/** Returns the index of a node in nodes that are ordered by id, or the one that it would have. */
function placeOf(nodes: readonly Node[], id: string): number {
  let low = 0
  let high = nodes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareKeys(nodes[middle]!.id, id) < 0) low = middle + 1
    else high = middle
  }
  return low
}

export function sameNodes(a: readonly Node[], b: readonly Node[]): boolean {
  return a.length === b.length && a.every((node, index) => sameNode(node, b[index]!))
}

function confirmed(nodes: readonly Node[]): number {
  return nodes.filter(node => !node.suspect).length
}
