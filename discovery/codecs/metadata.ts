import { quote } from './key.ts'
import { isObject } from './value.ts'

export type Metadata = Readonly<Record<string, string>>

/** It is shown on pages and compared at every change; what is larger is no description of a node. */
export const MAX_ENTRIES = 256

/**
 * Metadata with a name that is given several times having its values joined by commas.
 *
 * @throws TypeError when there are too many, or for the one name that a plain object cannot hold
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

/** @throws TypeError when metadata would have more entries than a node has use for. */
export function checkEntries(count: number): void {
  if (count > MAX_ENTRIES) throw new TypeError(`metadata must not have more than ${MAX_ENTRIES} entries`)
}

/**
 * @returns strings, numbers and booleans as strings; undefined for none
 * @throws TypeError when it is no object or has any other value in it
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

/** Whether metadata can hold it, as a string. */
export function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** The metadata with `version`, where the format has one beside it and the metadata none of its own. */
export function withVersion(metadata: Metadata | undefined, version: unknown): Metadata | undefined {
  return typeof version === 'string' && version !== '' ? { version, ...metadata } : metadata
}

/** @throws TypeError unless it is a whole number in digits; its range is checked with the node. */
export function parseWeight(word: string): number {
  if (!/^\d{1,15}$/.test(word)) throw new TypeError(`weight must be an integer, not ${quote(word)}`)
  return Number(word)
}

/**
 * A weight in metadata that is free text for the framework: a word that does not mean to be a number is
 * somebody's own and no weight.
 *
 * @throws TypeError for a number that is no whole one
 */
export function weightIfNumeric(word: string | undefined): number | undefined {
  return word !== undefined && /^[-+]?(?:[\d.]|NaN|Inf)/i.test(word) ? parseWeight(word) : undefined
}

/**
 * What a node speaks, by the name that a value gives it.
 *
 * @param fallback when it gives none
 * @throws TypeError unless it is one word
 */
export function protocolOf(word: unknown, fallback: string): string {
  if (word === undefined || word === '') return fallback
  if (typeof word !== 'string' || !/^[A-Za-z][A-Za-z0-9+./-]{0,31}$/.test(word)) {
    throw new TypeError('protocol must be one word, e.g. "http"')
  }
  const protocol = word.toLowerCase()
  return protocol === 'http/1.1' ? 'http' : protocol
}
