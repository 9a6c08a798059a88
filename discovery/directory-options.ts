import type { Node } from '../internal/nodes/node.ts'
import type { Route } from '../internal/routing/route.ts'
import type { Credential, EntryRules } from './key-state.ts'

export interface DirectoryOptions extends EntryRules {
  /** A service has other nodes than before; ordered by id, empty = it is gone. */
  readonly onNodes?: ((service: string, nodes: readonly Node[]) => void) | undefined
  /** The routes, or which services are blocked, are no longer what they were; ordered by id. */
  readonly onRoutes?: ((routes: readonly Route[]) => void) | undefined
  /** An API key or a revocation is new, another than before, or gone. */
  readonly onCredential?:
    | ((before: Credential | undefined, after: Credential | undefined) => void)
    | undefined
  /**
   * For how long after a reconnect deletes are weighed together for what looks like a loss; 0 = nothing is
   * ever doubted. Default 60,000.
   */
  readonly doubtMs?: number | undefined
  /** Milliseconds on the monotonic clock. */
  readonly now?: (() => number) | undefined
}
