/** Hashes are below this number. */
export const HASH_RANGE = 2 ** 32

/**
 * Hashes a text to a number from 0 to below {@link HASH_RANGE}, the same in every process.
 *
 * Source: FNV-1a over UTF-16 code units, with the finaliser of MurmurHash3. Without the finaliser, texts that differ
 * only at their end would get neighbouring hashes.
 */
export function hashText(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return mix(hash)
}

/** Spreads neighbouring numbers over the range of hashes. */
export function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
