/** The state of a key after one revision. Immutable. */
export interface KeyValue {
  readonly key: Buffer
  readonly value: Buffer
  /** The revision that created the key; 0 for a deletion. */
  readonly createRevision: bigint
  /** The revision that wrote this state. */
  readonly modRevision: bigint
  /** The number of writes since the creation, from 1; 0 marks a deletion. */
  readonly version: bigint
  /** The lease of the key; 0 means none. */
  readonly lease: bigint
}

/** The change of one key within a revision. */
export interface StoreEvent {
  /** The key in the form of the index. */
  readonly name: string
  readonly kv: KeyValue
  /** The state of the key before; undefined when it did not exist. */
  readonly previous: KeyValue | undefined
}

export function isDeletion(kv: KeyValue): boolean {
  return kv.version === 0n
}

/** Returns the approximate size of an event in memory or in a response. */
export function eventBytes({ kv, previous }: StoreEvent): number {
  const previousBytes = previous ? previous.key.length + previous.value.length + 32 : 0
  return kv.key.length + kv.value.length + previousBytes + 48
}
