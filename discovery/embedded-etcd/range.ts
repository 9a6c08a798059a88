import type { KeyValue } from './key-value.ts'
import type { RangeRequest, RangeResult, RevisionFilter } from './requests.ts'
import type { Store } from './store.ts'

/**
 * Answers a Range request: filters, then sorts, then cuts to the limit. `count` counts the whole range.
 *
 * @throws EtcdError when the revision was compacted or is in the future
 */
export function range(store: Store, request: RangeRequest): RangeResult {
  const all = store.range(request.range, request.revision)
  const { revision } = store
  const { keysOnly } = request
  if (request.countOnly) return { revision, kvs: [], keysOnly, more: false, count: all.length }

  const { limit, modRevision, createRevision } = request
  let kvs = all
  if (isSet(modRevision)) kvs = kvs.filter(kv => passes(modRevision, kv.modRevision))
  if (isSet(createRevision)) kvs = kvs.filter(kv => passes(createRevision, kv.createRevision))
  kvs = sort(kvs, request)
  const more = limit > 0 && kvs.length > limit
  return { revision, kvs: more ? kvs.slice(0, limit) : kvs, keysOnly, more, count: all.length }
}

function isSet({ min, max }: RevisionFilter): boolean {
  return min !== 0n || max !== 0n
}

function passes({ min, max }: RevisionFilter, revision: bigint): boolean {
  return (min === 0n || revision >= min) && (max === 0n || revision <= max)
}

function sort(kvs: KeyValue[], { sortOrder, sortTarget }: RangeRequest): KeyValue[] {
  if (sortTarget === 'key') return sortOrder === 'descend' ? kvs.toReversed() : kvs
  const direction = sortOrder === 'descend' ? -1 : 1
  return kvs.toSorted((a, b) => direction * compareBy(sortTarget, a, b))
}

function compareBy(
  target: 'version' | 'createRevision' | 'modRevision' | 'value',
  a: KeyValue,
  b: KeyValue,
): number {
  if (target === 'value') return Buffer.compare(a.value, b.value)
  if (a[target] === b[target]) return 0
  return a[target] < b[target] ? -1 : 1
}
