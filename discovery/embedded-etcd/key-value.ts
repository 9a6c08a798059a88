/** A key's state as one revision left it. Never changed after it is made. */
export interface KeyValue {
  readonly key: Buffer
  readonly value: Buffer
  /** The revision that created the key; 0 for a deletion. */
  readonly createRevision: bigint
  /** The revision that made this state. */
  readonly modRevision: bigint
  /** Counts writes since the creation, from 1; 0 marks a deletion. */
  readonly version: bigint
  /** The lease it ends with; 0 = none. */
  readonly lease: bigint
}

/** One key's change within a revision. */
export interface StoreEvent {
  /** The key as the index has it. */
  readonly name: string
  readonly kv: KeyValue
  /** What the key held before; undefined when it did not exist. */
  readonly previous: KeyValue | undefined
}

export function isDeletion(kv: KeyValue): boolean {
  return kv.version === 0n
}

/** About how many bytes an event takes in memory or in an answer. */
export function eventBytes({ kv, previous }: StoreEvent): number {
  const previousBytes = previous ? previous.key.length + previous.value.length + 32 : 0
  return kv.key.length + kv.value.length + previousBytes + 48
}
