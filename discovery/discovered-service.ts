import type { Node } from '../internal/nodes/node.ts'

/** A live list of the nodes of one service. Call `close()` when done, or declare it with `await using`. */
export interface DiscoveredService extends AsyncDisposable {
  readonly name: string
  /**
   * All nodes, ordered by id, including those with weight 0 and those that do not speak plain HTTP. Each
   * change makes a new array.
   */
  readonly nodes: readonly Node[]
  /**
   * Returns the next usable node by smooth weighted round-robin, or undefined when there is none. A node is
   * usable when it speaks HTTP/1.1 without TLS and has a weight above 0.
   */
  pick(): Node | undefined
  /** Returns a random usable node, or undefined when there is none. Weights make no difference. */
  random(): Node | undefined
  /** How current the list is, as of now. */
  readonly status: DiscoveryStatus
  /**
   * Calls `listener` with the new list after each change. Errors that it throws are logged.
   *
   * @returns a function that removes the listener
   */
  onChange(listener: (nodes: readonly Node[]) => void): () => void
  /** Stops following and closes the connection. The list keeps its last state. Safe to call twice. */
  close(): Promise<void>
}

export interface DiscoveryStatus {
  /** Whether the store is being followed. */
  readonly connected: boolean
  /**
   * Whether the list may be out of date: the store is unreachable, or has not answered since the list was
   * read from disk.
   */
  readonly stale: boolean
  /** Why the store is not being followed, as text for people. */
  readonly reason?: string | undefined
  /** The store's revision at which the list is correct. */
  readonly revision: string | undefined
  /** Milliseconds since the store last confirmed that nothing is missing; undefined until it has done so. */
  readonly ageMs: number | undefined
}
