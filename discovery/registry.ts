import type { Node, NodeInput } from '../internal/nodes/node.ts'
import type { HeartbeatOutcome, WantedNode } from './heartbeat.ts'

/**
 * The source of nodes and routes: etcd today, another store tomorrow. An implementation is one file and one
 * line in `registries.ts`. `test/discovery/registry-contract.ts` defines what every implementation must do.
 */
export interface Registry {
  /** The name by which the configuration chooses it, e.g. `etcd`. */
  readonly name: string
  /**
   * Who writes to it. `services`: services register themselves under leases, so the registry may have lost
   * the entries that are missing after an outage. `operator`: an operator writes the entries, so missing
   * entries were removed, and `register()` and `unregister()` reject with {@link ReadOnlyRegistryError}.
   */
  readonly keptBy: 'services' | 'operator'
  /** The sources of its entries. Each is followed independently. */
  readonly sources: readonly RegistrySource[]
  /**
   * Prepares the registry. Resolves even when the store is unreachable, which is retried and is not an error.
   */
  init(): Promise<void>
  /**
   * Registers one node under its own lease and keeps it registered until `unregister()` or `close()`.
   * Resolves when the store has the node. While the store is unreachable it keeps trying.
   */
  register(node: NodeInput, options?: RegisterOptions): Promise<Registration>
  /** Removes a node, no matter who registered it. Resolves whether or not the node existed. */
  unregister(service: string, id: string): Promise<void>
  /** Reads the current nodes of a service from the store. Resolves with undefined when it has none. */
  getService(name: string): Promise<Service | undefined>
  /**
   * Yields everything there is and then every change, until `signal` aborts. For each source the first event
   * with entries is a full snapshot, and another one follows whenever a change may have been missed. It never
   * throws because the store is unreachable; a `status` event reports that.
   */
  watch(signal: AbortSignal): AsyncIterable<RegistryEvent>
  /** How current the events of one source are, as of now, for the watch that was started last. */
  status(source: string): SourceStatus
  /**
   * Keeps what is remembered of a source beside its copy on disk, for the first snapshot of a later process. Absent where
   * there is no such copy.
   */
  remember?(source: string, remembered: Remembered): void
  /**
   * Reads which leases there are. Absent where there are none.
   *
   * @param key that of a node whose lease alone is wanted; undefined = all of nodes, locks and elections
   * @throws Error when the store does not answer within 2 s, or refuses
   */
  leases?(key?: string): Promise<readonly LeasedKeys[]>
  /**
   * Registers a node for a process that says so again and again, in place of {@link register}: this instance keeps nothing, so
   * each call may go to another. Without `wanted`, only renews it. Absent where processes cannot register.
   */
  heartbeat?(service: string, id: string, wanted?: WantedNode): Promise<HeartbeatOutcome>
  /** Removes a node that a heartbeat has registered. */
  farewell?(service: string, id: string): Promise<HeartbeatOutcome>
  /** Ends all watches and unregisters the nodes that this instance registered. */
  close(): Promise<void>
}

/** A lease, and the keys that go when it ends. */
export interface LeasedKeys {
  /** In hexadecimal, as etcdctl prints it. */
  readonly id: string
  /** What it was granted for, and what is left of that. */
  readonly ttlSeconds: number
  readonly leftSeconds: number
  readonly keys: readonly string[]
}

/** Thrown by a registry in which services cannot register. */
export class ReadOnlyRegistryError extends Error {
  override readonly name = 'ReadOnlyRegistryError'
}

/** A service and the nodes that serve it, ordered by id. */
export interface Service {
  readonly name: string
  readonly nodes: readonly Node[]
}

export interface RegisterOptions {
  /** Seconds until the node is removed when its lease is not renewed, from 6 to 86,400. Default 10. */
  readonly ttlSeconds?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** The values that a registered node can change without registering again. */
export interface RegistrationChanges {
  /** 0..65535. A weight given while the node drains applies once it no longer drains. */
  readonly weight?: number | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** True sets the weight to 0, so that the node gets no new requests. False restores the weight. */
  readonly draining?: boolean | undefined
}

/** One node's registration. The caller ends it with `unregister()`. */
export interface Registration {
  readonly node: Node
  /** Writes new values under the same lease. Values that are not given stay as they are. */
  update(changes: RegistrationChanges): Promise<void>
  /** Ends the lease, so that gateways drop the node. Resolves when the store has confirmed, or after 2 s. */
  unregister(): Promise<void>
}

/** The kind of entries in a source. Every registry has nodes and routes. The other kinds are optional. */
export type RegistryScope =
  | 'nodes'
  | 'routes'
  | 'api-keys'
  | 'revocations'
  | 'descriptors'
  | 'certificates'
  | 'acme-challenges'
  | 'policies'

/**
 * The kinds of entries without which requests are served all the same. A user of etcd may not be allowed to read them, so
 * nothing else waits for them.
 */
export const OPTIONAL_SCOPES: ReadonlySet<RegistryScope> = new Set([
  'descriptors',
  'certificates',
  'acme-challenges',
  'policies',
])

/** A part of a registry that is followed independently, such as all keys under one prefix. */
export interface RegistrySource {
  /** Unique within the registry, e.g. the prefix. */
  readonly name: string
  readonly scope: RegistryScope
}

/** The prefixes of the kinds of entries that are optional; undefined = entries of that kind are not followed. */
export interface OptionalPrefixes {
  readonly apiKeysPrefix?: string | undefined
  readonly revocationsPrefix?: string | undefined
  /** Of the descriptors of gRPC services. */
  readonly descriptorsPrefix?: string | undefined
  /** Of certificates for TLS. */
  readonly certificatesPrefix?: string | undefined
  /** Of answers to challenges of ACME. */
  readonly acmePrefix?: string | undefined
  /** Of policy sets. */
  readonly policiesPrefix?: string | undefined
}

/** Returns the sources of the prefixes that there are. */
export function optionalSources(prefixes: OptionalPrefixes) {
  const sources = [
    { name: prefixes.apiKeysPrefix, scope: 'api-keys' },
    { name: prefixes.revocationsPrefix, scope: 'revocations' },
    { name: prefixes.descriptorsPrefix, scope: 'descriptors' },
    { name: prefixes.certificatesPrefix, scope: 'certificates' },
    { name: prefixes.acmePrefix, scope: 'acme-challenges' },
    { name: prefixes.policiesPrefix, scope: 'policies' },
  ] as const
  return sources.flatMap(({ name, scope }) => (name === undefined ? [] : { name, scope }))
}

/** How well one source is being followed, for the admin page and for metrics. */
export interface SourceStatus {
  readonly connected: boolean
  /** The revision of the last event; undefined before the first snapshot from the store. */
  readonly revision: string | undefined
  /**
   * Milliseconds since the store last confirmed that nothing is missing, by a snapshot, an event, or a sign
   * of life on the event stream; undefined until it has done so.
   */
  readonly ageMs: number | undefined
  /** How often everything was read again, by reason (`start`, `compacted`, `cluster-changed`...). */
  readonly relists: ReadonlyMap<string, number>
  /** The differences found by periodic full reads although every event was followed. Expected to stay 0. */
  readonly drift: number
}

/** The status of a source that has not been watched yet. */
export const NEVER_WATCHED: SourceStatus = {
  connected: false,
  revision: undefined,
  ageMs: undefined,
  relists: new Map(),
  drift: 0,
}

/** The value of a key as the store has it. Secrets have none, nor has a registry whose values are not texts. */
export interface RawValue {
  readonly text?: string | undefined
  /** The revision of the last write. */
  readonly modRevision?: bigint | undefined
}

/** The content of one key of the registry. A key may hold several nodes. */
export type RegistryEntry = RawValue & Content

type Content =
  | {
      readonly kind: 'nodes'
      readonly key: string
      readonly nodes: readonly Node[]
      /** Whether the key is under a lease, so that it goes when its process dies; absent where it is not or unknown. */
      readonly isLeased?: boolean | undefined
    }
  | { readonly kind: 'route'; readonly key: string; readonly id: string; readonly document: unknown }
  /** `hash`: the SHA-256 of an API key, in lower-case hexadecimal digits. */
  | { readonly kind: 'api-key'; readonly key: string; readonly hash: string; readonly document: unknown }
  /** `tokenId`: the `jti` of a revoked token. */
  | { readonly kind: 'revocation'; readonly key: string; readonly tokenId: string }
  /** `bytes`: a FileDescriptorSet, which describes gRPC services. */
  | { readonly kind: 'descriptors'; readonly key: string; readonly name: string; readonly bytes: Buffer }
  /** `document`: a certificate and its private key, which is sealed. `name`: under which it is sealed. */
  | {
      readonly kind: 'certificate'
      readonly key: string
      readonly name: string
      readonly document: Readonly<Record<string, unknown>>
    }
  /** What an authority expects at the path of a token, to issue a certificate (RFC 8555 section 8.3). */
  | {
      readonly kind: 'acme-challenge'
      readonly key: string
      readonly token: string
      readonly answer: string
    }
  /** `document`: policies under a name, for the routes that name it. */
  | { readonly kind: 'policy-set'; readonly key: string; readonly name: string; readonly document: unknown }
  /** A value that did not decode; the key exists. */
  | { readonly kind: 'problem'; readonly key: string; readonly reason: string }

/** The last good value of a key whose present value is refused. */
export interface LastGood {
  readonly entry: RegistryEntry
  /** The revision of the registry at which it was read. */
  readonly revision: string
  /** When the key's value was first refused, in milliseconds since 1970. */
  readonly since: number
}

/**
 * What a process knows of a source although the registry no longer says it. It outlives the process on disk, and is handed
 * to the process that takes its place.
 */
export interface Remembered {
  readonly lastGood: readonly LastGood[]
  /** The services that have or had a route document, the latest last. Only a source of routes has some. */
  readonly documented: readonly string[]
  /** The text of a `NameFilter` with those that are too many to be remembered by name; absent where there are none. */
  readonly unlisted?: string | undefined
}

/** What is remembered of one source of one store. */
export interface RememberedSource extends Remembered {
  readonly source: string
  /** See `store` of a snapshot. The memory of another store, or of another history, says nothing about this one. */
  readonly store: string
}

/** What a copy on disk says of a source, in addition to what the registry has now. */
export interface Earlier {
  readonly remembered: Remembered
  /** The revision of the copy. */
  readonly revision: string
  /** Returns what a key held in the copy, good or not; undefined when it was not there. */
  entryOf(key: string): RegistryEntry | undefined
}

export type Entries = Iterable<RegistryEntry> & { readonly length: number }

export type RegistryEvent =
  | {
      readonly type: 'snapshot'
      readonly source: string
      readonly scope: RegistryScope
      /** The store's revision of this snapshot, as a decimal string. */
      readonly revision: string
      /**
       * In key order if the store has one. Iterate only once: entries may be decoded during the iteration.
       */
      readonly entries: Entries
      /** Where it was read: from the store itself, or from the copy on disk. */
      readonly from: 'store' | 'disk'
      /**
       * Which store it is of, and which of its histories, such as the id of a cluster and how often it has begun anew; absent
       * where there is only one.
       */
      readonly store?: string | undefined
      /** What an earlier process knew of the source. The first snapshot has it, if there is a copy on disk. */
      readonly earlier?: Earlier | undefined
      /**
       * Whether the store had lost its data: it was wiped, restored from an older copy or replaced by
       * another. A key that is missing then says nothing about the process that wrote it.
       */
      readonly afterLoss: boolean
    }
  | {
      readonly type: 'change'
      readonly source: string
      readonly scope: RegistryScope
      readonly revision: string
      /** Each key occurs once, either in `puts` or in `deletes`. */
      readonly puts: readonly RegistryEntry[]
      /** Keys that no longer exist. */
      readonly deletes: readonly string[]
    }
  | {
      readonly type: 'status'
      readonly source: string
      readonly scope: RegistryScope
      /** False from when the silence of the store is noticed until it is followed again. */
      readonly connected: boolean
      /** Why the source is not connected, as text for people and logs. */
      readonly reason?: string | undefined
    }
