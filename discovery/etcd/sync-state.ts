import type { StoredKey } from './transport.ts'

type Table = ReadonlyMap<string, StoredKey>

/** Every key of a prefix at one revision. */
export interface SyncState {
  readonly revision: bigint
  readonly clusterId: string
  readonly table: Table
}

/** Whether `now` was read from a store that lacks data of the one that `before` was read from. */
export function isOlderOrOther(now: SyncState, before: SyncState): boolean {
  return now.clusterId !== before.clusterId || now.revision < before.revision
}

/** Counts the keys on which two tables of the same revision differ. */
export function differences(ours: Table, theirs: Table): number {
  const missing = [...ours.keys()].filter(key => !theirs.has(key)).length
  return missing + certainDifferences(ours, theirs)
}

/**
 * Counts the keys of `theirs` that are different or missing in `ours`. With `upTo`, `theirs` may be of a
 * later revision, and its keys that are newer than `upTo` do not count.
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
