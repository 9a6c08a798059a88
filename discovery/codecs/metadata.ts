import { quote } from './key.ts'
import { isObject } from './value.ts'

export type Metadata = Readonly<Record<string, string>>

/** Metadata is shown on pages and compared at every change. A description of a node needs no more entries. */
export const MAX_ENTRIES = 256

/**
 * Makes metadata from entries. The values of a repeated name are joined by commas.
 *
 * @throws TypeError when there are too many entries, or for the one name that a plain object cannot hold
 */
export function metadataFrom(entries: Iterable<readonly [string, string]>): Metadata {
  const metadata: Record<string, string> = {}
  let count = 0
  for (const [key, value] of entries) {
    if (key === '__proto__') throw new TypeError('metadata must not have the key "__proto__"')
    count += 1
    checkEntries(count)
    metadata[key] = Object.hasOwn(metadata, key) ? `${metadata[key]},${value}` : value
  }
  return metadata
}

/** @throws TypeError when metadata would have too many entries */
export function checkEntries(count: number): void {
  if (count > MAX_ENTRIES) throw new TypeError(`metadata must not have more than ${MAX_ENTRIES} entries`)
}

/**
 * Reads an object of strings, numbers and booleans, and keeps all of them as strings.
 *
 * @returns undefined when there is no value
 * @throws TypeError when the value is not an object or contains a value of another type
 */
export function readMetadata(value: unknown): Metadata | undefined {
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw new TypeError('metadata must be an object')
  const entries = Object.entries(value)
  checkEntries(entries.length)
  return metadataFrom(
    entries.map(([key, item]) => {
      if (!isScalar(item)) {
        throw new TypeError(`metadata value of ${quote(key)} must be a string, number or boolean`)
      }
      return [key, String(item)]
    }),
  )
}

/** Whether metadata can hold the value as a string. */
export function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** Adds the `version` that a format has beside its metadata, unless the metadata has its own. */
export function withVersion(metadata: Metadata | undefined, version: unknown): Metadata | undefined {
  return typeof version === 'string' && version !== '' ? { version, ...metadata } : metadata
}

/**
 * @throws TypeError unless the text is a whole number in digits; the range is checked when the node is
 * created
 */
export function parseWeight(word: string): number {
  if (!/^\d{1,15}$/.test(word)) throw new TypeError(`weight must be an integer, not ${quote(word)}`)
  return Number(word)
}

/**
 * Reads a weight from metadata that is free text for the framework. Text that is clearly not a number is not
 * taken for a weight.
 *
 * @throws TypeError for a number that is not a whole number
 */
export function weightIfNumeric(word: string | undefined): number | undefined {
  return word !== undefined && /^[-+]?(?:[\d.]|NaN|Inf)/i.test(word) ? parseWeight(word) : undefined
}

/**
 * Reads the protocol of a node.
 *
 * @param fallback used when the value names none
 * @throws TypeError unless the protocol is one word
 */
export function protocolOf(word: unknown, fallback: string): string {
  if (word === undefined || word === '') return fallback
  if (typeof word !== 'string' || !/^[A-Za-z][A-Za-z0-9+./-]{0,31}$/.test(word)) {
    throw new TypeError('protocol must be one word, e.g. "http"')
  }
  const protocol = word.toLowerCase()
  return protocol === 'http/1.1' ? 'http' : protocol
}
