/**
 * The keys from `from` up to, not including, `to`; without `to`, all keys from `from` on.
 *
 * Keys are byte strings. They are held as JavaScript strings with one character per byte (latin1), whose
 * `<` is then the order of the bytes.
 */
export interface KeyRange {
  readonly from: string
  readonly to: string | undefined
}

/** A key as the string it is indexed by. */
export function keyName(key: Buffer): string {
  return key.toString('latin1')
}

/**
 * What etcd means by `key` and `range_end`: no end is the one key (the range up to its next neighbour), an
 * end of one zero byte is everything from the key on.
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
