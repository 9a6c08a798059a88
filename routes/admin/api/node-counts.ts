/** How long a node counts whose registration is under way. */
const PENDING_MS = 4_000
/** Nodes of a caller that have left are looked for at most this often, as somebody may try to register many who is refused. */
const LOOK_MS = 1_000

/** What is known of a caller. */
interface Counted {
  /** By node: until when it counts. */
  readonly untilMs: Map<string, number>
  lookedAtMs: number
}

/**
 * Counts the nodes that each caller keeps registered, as far as this gateway has heard of them: those whose TTL has not passed since
 * their last call. So nothing is stored anywhere, and after a restart the count is right when each node has called once.
 */
export class NodeCounts {
  readonly #byCaller = new Map<string, Counted>()
  readonly #now: () => number

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
    const counted = this.#of(caller)
    const nodes = counted.untilMs
    if (nodes.has(node)) return 'known'
    if (nodes.size >= max) this.#forgetGone(counted)
    if (nodes.size >= max) return 'full'
    nodes.set(node, this.#now() + PENDING_MS)
    return 'new'
  }

  /** Counts a node for as long as it stays without another call. */
  keep(caller: string, node: string, leftSeconds: number): void {
    this.#of(caller).untilMs.set(node, this.#now() + leftSeconds * 1_000)
  }

  /** Counts a node of a caller no longer, which has just begun and was refused. It may be one that another caller keeps. */
  giveUp(caller: string, node: string): void {
    this.#of(caller).untilMs.delete(node)
  }

  /** Counts a node no longer, for no caller, because it is gone. */
  forget(node: string): void {
    for (const { untilMs } of this.#byCaller.values()) untilMs.delete(node)
  }

  #of(caller: string): Counted {
    const known = this.#byCaller.get(caller)
    if (known) return known
    const counted = { untilMs: new Map<string, number>(), lookedAtMs: Number.NEGATIVE_INFINITY }
    this.#byCaller.set(caller, counted)
    return counted
  }

  #forgetGone(counted: Counted): void {
    const now = this.#now()
    if (now - counted.lookedAtMs < LOOK_MS) return
    counted.lookedAtMs = now
    for (const [node, untilMs] of counted.untilMs) if (untilMs <= now) counted.untilMs.delete(node)
  }
}
