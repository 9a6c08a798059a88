import type { Node } from '../internal/nodes/node.ts'

/** The live list of the nodes of one service. Whoever asked for it calls `close()`, or writes `await using`. */
export interface DiscoveredService extends AsyncDisposable {
  readonly name: string
  /** All of them, ordered by id: also those with weight 0, and those that do not speak HTTP. A new array for each change. */
  readonly nodes: readonly Node[]
  /**
   * The next usable node by smooth weighted round-robin; undefined when there is none. Usable are nodes that speak
   * HTTP and have a weight above 0.
   */
  pick(): Node | undefined
  /** Any usable node, each as likely as the others whatever their weights; undefined when there is none. */
  random(): Node | undefined
  /** How true the list is, at this moment. */
  readonly status: DiscoveryStatus
  /**
   * Has `listener` called after each change, with the new list. What it throws is logged.
   *
   * @returns ends that
   */
  onChange(listener: (nodes: readonly Node[]) => void): () => void
  /** Stops following and closes the connection. The list stays as it was last. Safe to call twice. */
  close(): Promise<void>
}

export interface DiscoveryStatus {
  /** Whether the store is followed. */
  readonly connected: boolean
  /** Whether the list may be behind: the store is away, or has not been heard since the list was read from disk. */
  readonly stale: boolean
  /** Why not connected, for people. */
  readonly reason?: string | undefined
  /** The store's revision that the list is true at. */
  readonly revision: string | undefined
  /** Milliseconds since the store last confirmed that nothing is missing; undefined before the first time. */
  readonly ageMs: number | undefined
}
