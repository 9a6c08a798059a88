/**
 * The keys from `from` up to, but not including, `to`. Without `to`, all keys from `from` on.
 *
 * Keys are byte strings. They are held as JavaScript strings with one character per byte (latin1), so that
 * `<` compares them in the order of their bytes.
 */
export interface KeyRange {
  readonly from: string
  readonly to: string | undefined
}

/** Returns a key as the string by which it is indexed. */
export function keyName(key: Buffer): string {
  return key.toString('latin1')
}

/**
 * Returns the range that etcd's `key` and `range_end` stand for. Without an end it is that one key, expressed
 * as the range up to its next neighbour. With an end of one zero byte it is everything from the key on.
 */
export function keyRange(key: Buffer, rangeEnd: Buffer): KeyRange {
  const from = keyName(key)
  if (rangeEnd.length === 0) return { from, to: `${from}\0` }
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { from, to: undefined }
  return { from, to: keyName(rangeEnd) }
}

export function contains(range: KeyRange, name: string): boolean {
  return name >= range.from && (range.to === undefined || name < range.to)
}
