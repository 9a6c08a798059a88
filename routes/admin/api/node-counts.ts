/** How long a node counts whose registration is under way. */
const PENDING_MS = 4_000
/** Nodes that have left are looked for at most this often, as somebody may try to register many who is refused. */
const LOOK_MS = 1_000

/**
 * Counts the nodes that each caller keeps registered, as far as this gateway has heard of them: those whose TTL has not passed since
 * their last call. So nothing is stored anywhere, and after a restart the count is right when each node has called once.
 */
export class NodeCounts {
  /** By caller and node: until when it counts. */
  readonly #untilMs = new Map<string, Map<string, number>>()
  readonly #now: () => number
  #lookedAtMs = Number.NEGATIVE_INFINITY

  /** @param now milliseconds on a monotonic clock */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /**
   * Counts a node of a caller for 4 s, until it is known what comes of its call.
   *
   * @returns `known` when it counted already; `full` when it does not count, because `max` others do
   */
  begin(caller: string, node: string, max: number): 'known' | 'new' | 'full' {
    const nodes = this.#of(caller)
    if (nodes.has(node)) return 'known'
    if (nodes.size >= max) this.#forgetGone(nodes)
    if (nodes.size >= max) return 'full'
    nodes.set(node, this.#now() + PENDING_MS)
    return 'new'
  }

  /** Counts a node for as long as it stays without another call. */
  keep(caller: string, node: string, leftSeconds: number): void {
    this.#of(caller).set(node, this.#now() + leftSeconds * 1_000)
  }

  /** Counts a node of a caller no longer, which has just begun and was refused. It may be one that another caller keeps. */
  giveUp(caller: string, node: string): void {
    this.#of(caller).delete(node)
  }

  /** Counts a node no longer, for no caller, because it is gone. */
  forget(node: string): void {
    for (const nodes of this.#untilMs.values()) nodes.delete(node)
  }

  #of(caller: string): Map<string, number> {
    const known = this.#untilMs.get(caller)
    if (known) return known
    const nodes = new Map<string, number>()
    this.#untilMs.set(caller, nodes)
    return nodes
  }

  #forgetGone(nodes: Map<string, number>): void {
    const now = this.#now()
    if (now - this.#lookedAtMs < LOOK_MS) return
    this.#lookedAtMs = now
    for (const [node, untilMs] of nodes) if (untilMs <= now) nodes.delete(node)
  }
}
