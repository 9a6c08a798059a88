import type { StoredKey } from './transport.ts'

type Table = ReadonlyMap<string, StoredKey>

/** Every key of a prefix at one revision. */
export interface SyncState {
  readonly revision: bigint
  readonly clusterId: string
  readonly table: Table
}

/** Whether what is read now comes from a store that does not hold all that the one read before held. */
export function isOlderOrOther(now: SyncState, before: SyncState): boolean {
  return now.clusterId !== before.clusterId || now.revision < before.revision
}

/** How many keys two tables of one revision do not agree on. */
export function differences(ours: Table, theirs: Table): number {
  const missing = [...ours.keys()].filter(key => !theirs.has(key)).length
  return missing + certainDifferences(ours, theirs)
}

/**
 * How many keys of theirs are not the same in ours. With `upTo`, theirs may be of a later revision: what it has
 * that is newer than `upTo` is no difference.
 */
export function certainDifferences(ours: Table, theirs: Table, upTo?: bigint): number {
  let count = 0
  for (const [key, { modRevision, value }] of theirs) {
    if (upTo !== undefined && modRevision > upTo) continue
    const known = ours.get(key)
    if (known?.modRevision !== modRevision || known.value !== value) count++
  }
  return count
}
