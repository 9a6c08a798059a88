import { isUtf8 } from 'node:buffer'

/** Keys from the first to before the second, as etcd's requests take them. */
export interface PrefixRange {
  readonly key: Buffer
  readonly range_end: Buffer
}

/** The range of all keys that begin with `prefix`, which ends in a character before U+007F, such as `/`. */
export function prefixRange(prefix: string): PrefixRange {
  const end = Buffer.from(prefix)
  end[end.length - 1] = end[end.length - 1]! + 1
  return { key: Buffer.from(prefix), range_end: end }
}

/**
 * Bytes of a key or a value as text. Those that are none stay told apart from each other, and from every text
 * that decodes.
 */
export function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : `\\x${bytes.toString('hex')}`
}
