import { isUtf8 } from 'node:buffer'

/** The keys from `key` up to, but not including, `range_end`, in the form of etcd's requests. */
export interface PrefixRange {
  readonly key: Buffer
  readonly range_end: Buffer
}

/**
 * Returns the range of all keys that begin with `prefix`. It must end in a character before U+007F, such as
 * `/`.
 */
export function prefixRange(prefix: string): PrefixRange {
  const end = Buffer.from(prefix)
  end[end.length - 1] = end[end.length - 1]! + 1
  return { key: Buffer.from(prefix), range_end: end }
}

/**
 * Decodes the bytes of a key or a value as UTF-8. Invalid UTF-8 is shown in hexadecimal, so that different
 * bytes give different texts.
 */
export function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString() : `\\x${bytes.toString('hex')}`
}
