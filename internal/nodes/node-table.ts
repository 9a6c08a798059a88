import type { Balancer } from '../balancers/balancer.ts'
import { createBalancer } from '../balancers/balancers.ts'
import { FailingRequests } from './failing-requests.ts'
import type { Health } from './health.ts'
import { type Lane, laneOf, type Node, sameEndpoint, speaksHttp1 } from './node.ts'
import {
  createNodeSelection,
  entriesOf,
  includesNode,
  type NodeSelection,
  waitsToBeSelected,
} from './node-selection.ts'
import type { Peer } from './peer.ts'

/** What peers have counted; see {@link Peer}. */
export type PeerCounts = Pick<Peer, 'requests' | 'failures' | 'timeouts'>

/** A service with all of its nodes, whatever they speak. */
export interface WholeService {
  readonly name: string
  /** Ordered by node id. Replaced as a whole whenever anything in it changes; never changed in place. */
  readonly peers: readonly Peer[]
  /** Whether one of its lanes panics. */
  readonly isPanicking: boolean
  /** The counts of the peers that were removed, as they were then. */
  readonly past: Readonly<PeerCounts>
}

/** The peers of one service among which a request can choose. */
export interface PeerGroup {
  /** The name of the service. */
  readonly name: string
  /** Ordered by node id. Replaced as a whole whenever anything in it changes; never changed in place. */
  readonly peers: readonly Peer[]
  /** Returns the group's balancer with this name, which is created on first use. */
  balancer(name: string): Balancer
}

/** The peers of one service in one lane. The object stays the same as long as there are such peers. */
export interface ServicePeers extends PeerGroup {
  /** Whether every node that could get requests fails its check, so that all of them are used. */
  readonly isPanicking: boolean
  /** Whether any of them speaks HTTP/2, in which a node may refuse a request after it was sent. */
  readonly speaksHttp2: boolean
  /** Which requests failed lately. Kept by the breakers of the peers. */
  readonly failing: FailingRequests
  /**
   * Returns the peers that a selection includes; without one, those that do not wait to be selected. The group keeps its
   * balancers while nodes come and go. It may be empty.
   */
  select(selection: NodeSelection | undefined): PeerGroup
}

/**
 * The current nodes of each service. Writes come from the registry, one service at a time, and keep the Peer of every
 * node whose address has not changed.
 */
export class NodeTable {
  readonly #createPeer: (node: Node) => Peer
  readonly #now: () => number
  readonly #services = new Map<string, LiveService>()
  #isLoaded = false

  /** @param now milliseconds on the monotonic clock */
  constructor(createPeer: (node: Node) => Peer, now: () => number = () => performance.now()) {
    this.#createPeer = createPeer
    this.#now = now
  }

  /** Returns the nodes of a service that get the requests of a lane; undefined when it has none. */
  get(service: string, lane: Lane = 'http'): ServicePeers | undefined {
    return this.#services.get(service)?.[lane]
  }

  /**
   * Returns whether a node of a selection can be chosen now. Plain requests to a service without a node for them count as
   * calls, because they may become calls.
   */
  hasAvailable(service: string, selection: NodeSelection | undefined, lane: Lane): boolean {
    const peers = this.get(service, lane)?.select(selection).peers ?? []
    if (peers.length === 0 && lane === 'http') return this.hasAvailable(service, selection, 'grpc')
    return peers.some(peer => peer.available())
  }

  /** Returns a service with all of its nodes, also those that get no requests; undefined when it has none. */
  service(name: string): WholeService | undefined {
    return this.#services.get(name)
  }

  /** Iterates over the services with nodes, in the order in which they were first seen. */
  services(): IterableIterator<WholeService> {
    return this.#services.values()
  }

  /** Whether the first table is complete. */
  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /**
   * Marks the first table as complete. Nodes that are added later are new, and go through the slow start of a route.
   */
  loaded(): void {
    this.#isLoaded = true
  }

  /** Replaces the nodes of a service; an empty list removes it. Peers of removed nodes are disposed of. */
  set(service: string, nodes: readonly Node[]): void {
    const live = this.#services.get(service)
    const left = new Map(live?.peers.map(peer => [peer.node.id, peer]))
    const peers = nodes.map(node => {
      const peer = left.get(node.id)
      if (!peer || !sameEndpoint(peer.node, node)) return this.#createNewPeer(node)
      left.delete(node.id)
      peer.node = node
      return peer
    })
    if (peers.length === 0) this.#services.delete(service)
    else if (live) live.replace(peers)
    else this.#services.set(service, new LiveService(service, peers))
    for (const peer of left.values()) {
      live?.addToPast(peer)
      peer.dispose()
    }
  }

  /**
   * Sets the health of a peer by its checks. An unhealthy peer gets no requests as long as others are not unhealthy. A
   * peer that is no longer unhealthy has its breaker closed and goes through slow start.
   */
  judge(peer: Peer, health: Health): void {
    this.judgeAll([[peer, health]])
  }

  /** Does so for many peers at once, in a time that grows with their number. */
  judgeAll(verdicts: readonly (readonly [peer: Peer, health: Health])[]): void {
    const recovered: Peer[] = []
    const lanes = new Set<LiveLane>()
    for (const [peer, health] of verdicts) {
      const was = peer.health
      peer.health = health
      const lane = laneOf(peer.node)
      const live = lane && this.#services.get(peer.node.service)?.[lane]
      if (live !== undefined && (was === 'unhealthy') !== (health === 'unhealthy')) lanes.add(live)
      if (was === 'unhealthy' && health !== 'unhealthy') recovered.push(peer)
    }
    for (const lane of lanes) lane.avoidUnhealthy()
    for (const peer of recovered) {
      peer.warmingSince = this.#now()
      peer.recover()
    }
  }

  #createNewPeer(node: Node): Peer {
    const peer = this.#createPeer(node)
    if (this.#isLoaded) peer.warmingSince = this.#now()
    return peer
  }

  /** Removes every service and disposes of its peers. */
  clear(): void {
    for (const name of [...this.#services.keys()]) this.set(name, [])
  }
}

class LiveService implements WholeService {
  readonly name: string
  readonly past: PeerCounts = { requests: 0, failures: 0, timeouts: 0 }
  peers: readonly Peer[] = []
  http: LiveLane | undefined = undefined
  grpc: LiveLane | undefined = undefined

  constructor(name: string, peers: readonly Peer[]) {
    this.name = name
    this.replace(peers)
  }

  get isPanicking(): boolean {
    return this.http?.isPanicking === true || this.grpc?.isPanicking === true
  }

  addToPast({ requests, failures, timeouts }: PeerCounts): void {
    this.past.requests += requests
    this.past.failures += failures
    this.past.timeouts += timeouts
  }

  replace(peers: readonly Peer[]): void {
    this.peers = peers
    this.http = this.#laneWith('http')
    this.grpc = this.#laneWith('grpc')
  }

  #laneWith(lane: Lane): LiveLane | undefined {
    const peers = this.peers.filter(({ node }) => laneOf(node) === lane)
    if (peers.length === 0) return undefined
    const live = this[lane] ?? new LiveLane(this.name)
    live.replace(peers)
    return live
  }
}

class Group implements PeerGroup {
  readonly name: string
  peers: readonly Peer[] = []
  readonly #balancers = new Map<string, Balancer>()

  constructor(name: string) {
    this.name = name
  }

  balancer(name: string): Balancer {
    let balancer = this.#balancers.get(name)
    if (!balancer) {
      balancer = createBalancer(name)
      this.#balancers.set(name, balancer)
    }
    return balancer
  }
}

/** With more selections than this, a change of nodes makes a lane forget those that no request had since the change before. */
const MAX_IDLE_SELECTIONS = 256
/** Selections of a lane beyond so many make it forget the one that it has known longest. */
const MAX_SELECTIONS = 10_000

class LiveLane extends Group implements ServicePeers {
  isPanicking = false
  speaksHttp2 = false
  readonly failing = new FailingRequests()
  #hasWaiting = false
  readonly #selected = new Map<string, SelectedPeers>()
  /** By name and value of their metadata, for the names that were asked for since the last change. */
  readonly #byValue = new Map<string, ReadonlyMap<string, readonly Peer[]>>()

  replace(peers: readonly Peer[]): void {
    if (this.#selected.size > MAX_IDLE_SELECTIONS) this.#forgetIdle()
    this.#byValue.clear()
    this.peers = peers
    this.speaksHttp2 = peers.some(({ node }) => !speaksHttp1(node))
    this.#hasWaiting = peers.some(({ node }) => waitsToBeSelected(node))
    this.avoidUnhealthy()
  }

  avoidUnhealthy(): void {
    let unhealthy = 0
    let others = 0
    for (const { node, health } of this.peers) {
      if (node.weight === 0) continue
      if (health === 'unhealthy') unhealthy++
      else others++
    }
    this.isPanicking = unhealthy > 0 && others === 0
    for (const peer of this.peers) peer.isAvoided = peer.health === 'unhealthy' && !this.isPanicking
  }

  select(selection: NodeSelection | undefined): PeerGroup {
    if (selection === undefined) {
      if (!this.#hasWaiting) return this
      return this.select(NOT_WAITING)
    }
    let selected = this.#selected.get(selection.key)
    if (!selected) {
      if (this.#selected.size === MAX_SELECTIONS) this.#selected.delete(this.#selected.keys().next().value!)
      selected = new SelectedPeers(this.name, selection)
      this.#selected.set(selection.key, selected)
    }
    selected.follow(this)
    return selected
  }

  /** Returns the peers whose metadata has a value. Many selections after one change must not each look at all peers. */
  peersWith(name: string, value: string): readonly Peer[] {
    let byValue = this.#byValue.get(name)
    if (!byValue) {
      byValue = Map.groupBy(
        this.peers.filter(({ node }) => Object.hasOwn(node.metadata, name)),
        ({ node }) => node.metadata[name]!,
      )
      this.#byValue.set(name, byValue)
    }
    return byValue.get(value) ?? []
  }

  #forgetIdle(): void {
    for (const [key, selected] of this.#selected) {
      if (!selected.follows(this.peers)) this.#selected.delete(key)
    }
  }
}

const NOT_WAITING = createNodeSelection(undefined)

/** The peers of a lane that a selection includes. They share breakers, health and connections with the lane, not balancers. */
class SelectedPeers extends Group {
  readonly #selection: NodeSelection
  #of: readonly Peer[] | undefined = undefined

  constructor(name: string, selection: NodeSelection) {
    super(name)
    this.#selection = selection
  }

  /** Whether it was asked for since the lane has these peers. */
  follows(peers: readonly Peer[]): boolean {
    return peers === this.#of
  }

  follow(lane: LiveLane): void {
    if (this.follows(lane.peers)) return
    this.#of = lane.peers
    const { only } = this.#selection
    const lists = only === undefined ? [] : entriesOf(only).map(entry => lane.peersWith(...entry))
    const fewest = lists.reduce((a, b) => (b.length < a.length ? b : a), lane.peers)
    this.peers = fewest.filter(({ node }) => includesNode(this.#selection, node))
  }
}
