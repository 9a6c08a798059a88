import type { Node, NodeInput } from '../internal/nodes/node.ts'

/**
 * Where nodes and routes come from: etcd today, another store tomorrow. An implementation is one file and
 * one line in `registries.ts`; `test/discovery/registry-contract.ts` says what every one of them must do.
 */
export interface Registry {
  /** The name it is chosen by in the configuration, e.g. `etcd`. */
  readonly name: string
  /**
   * Who writes it. `services`: they register themselves under leases, so what is missing after an outage may be
   * the registry's loss. `operator`: `register()` and `unregister()` reject with {@link ReadOnlyRegistryError},
   * and what it no longer names is gone.
   */
  readonly keptBy: 'services' | 'operator'
  /** Where its entries come from; each is followed on its own. */
  readonly sources: readonly RegistrySource[]
  /** Makes it usable. Resolves without a reachable store: a registry that is away is retried, not an error. */
  init(): Promise<void>
  /**
   * Puts one node under a lease of its own and keeps it there until `unregister()` or `close()`. Resolves
   * when the store has it; while the store is away it keeps trying.
   */
  register(node: NodeInput, options?: RegisterOptions): Promise<Registration>
  /** Removes a node whoever registered it. Resolves whether or not it was there. */
  unregister(service: string, id: string): Promise<void>
  /** The service as the store has it now; undefined when it has no node. */
  getService(name: string): Promise<Service | undefined>
  /**
   * Everything there is, then every change, until `signal` aborts. For each source the first event that
   * carries entries is a whole snapshot, and after any doubt about what was missed comes a fresh one. Never
   * throws for a store that is away: that is a `status` event.
   */
  watch(signal: AbortSignal): AsyncIterable<RegistryEvent>
  /** How true the events of the watch started last are, at this moment; of one source, by its name. */
  status(source: string): SourceStatus
  /** Ends watches and unregisters what this instance registered. */
  close(): Promise<void>
}

/** The registry is not for services to register in. */
export class ReadOnlyRegistryError extends Error {
  override readonly name = 'ReadOnlyRegistryError'
}

/** A service name with the nodes that serve it, ordered by id. */
export interface Service {
  readonly name: string
  readonly nodes: readonly Node[]
}

export interface RegisterOptions {
  /** Seconds until the node is gone when nobody renews it; at least 6, at most 86,400. Default 10. */
  readonly ttlSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What a registered node can change without registering anew. */
export interface RegistrationChanges {
  /** 0..65535; given while the node drains, it is kept for later. */
  readonly weight?: number | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** true: weight 0, so no new requests; false: the weight it had, or was given meanwhile. */
  readonly draining?: boolean | undefined
}

/** One node's place in a registry. Whoever registered calls `unregister()`. */
export interface Registration {
  readonly node: Node
  /** Writes new values under the same lease; what is not given stays. */
  update(changes: RegistrationChanges): Promise<void>
  /** Ends the lease, so that gateways drop the node. Resolves when the store has confirmed, or after 2 s. */
  unregister(): Promise<void>
}

/**
 * What the entries of a source are. Every registry has nodes and routes; the others are there when they were asked for.
 */
export type RegistryScope = 'nodes' | 'routes' | 'api-keys' | 'revocations'

/** A part of a registry that is followed on its own, such as all keys under one prefix. */
export interface RegistrySource {
  /** What tells it from the others, e.g. its prefix. */
  readonly name: string
  readonly scope: RegistryScope
}

/** Live facts about how well one source is followed, for the admin page and for metrics. */
export interface SourceStatus {
  readonly connected: boolean
  /** The revision that the last event was true at; undefined before the first snapshot from the store. */
  readonly revision: string | undefined
  /**
   * Milliseconds since the store last confirmed that nothing is missing (a snapshot, an event, or a sign of
   * life on the stream that brings them); undefined before the first time.
   */
  readonly ageMs: number | undefined
  /** How often everything was read anew, by reason (`start`, `compacted`, `cluster-changed`...). */
  readonly relists: ReadonlyMap<string, number>
  /** Differences that a periodic full read found although every event had been followed. Stays 0. */
  readonly drift: number
}

/** Of a source that nobody has watched yet. */
export const NEVER_WATCHED: SourceStatus = {
  connected: false,
  revision: undefined,
  ageMs: undefined,
  relists: new Map(),
  drift: 0,
}

/** What one key of the registry says. A key may carry several nodes. */
export type RegistryEntry =
  | { readonly kind: 'nodes'; readonly key: string; readonly nodes: readonly Node[] }
  | { readonly kind: 'route'; readonly key: string; readonly id: string; readonly document: unknown }
  /** `hash`: the SHA-256 of an API key, in lower-case hexadecimal digits. */
  | { readonly kind: 'api-key'; readonly key: string; readonly hash: string; readonly document: unknown }
  /** `tokenId`: the `jti` of a token that was taken back. */
  | { readonly kind: 'revocation'; readonly key: string; readonly tokenId: string }
  /** A value that did not decode; the key exists. */
  | { readonly kind: 'problem'; readonly key: string; readonly reason: string }

export type Entries = Iterable<RegistryEntry> & { readonly length: number }

export type RegistryEvent =
  | {
      readonly type: 'snapshot'
      readonly source: string
      readonly scope: RegistryScope
      /** The store's revision this is true at, as a decimal string. */
      readonly revision: string
      /** In key order where the store has one. May be decoded as they are iterated: to be iterated once. */
      readonly entries: Entries
      /** Where it was read: the store itself, or the copy on disk that outlives an outage. */
      readonly from: 'store' | 'disk'
      /**
       * The store had lost what it knew: it was wiped, restored from an older copy or replaced by another. That
       * it does not name a key says nothing of whoever wrote that key.
       */
      readonly afterLoss: boolean
    }
  | {
      readonly type: 'change'
      readonly source: string
      readonly scope: RegistryScope
      readonly revision: string
      /** A key is named once: in `puts` or in `deletes`. */
      readonly puts: readonly RegistryEntry[]
      /** Keys that are gone. */
      readonly deletes: readonly string[]
    }
  | {
      readonly type: 'status'
      readonly source: string
      readonly scope: RegistryScope
      /** False from the moment the store's silence is noticed until it is followed again. */
      readonly connected: boolean
      /** For people and logs, when not connected. */
      readonly reason?: string | undefined
    }
