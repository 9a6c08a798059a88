import { hash } from 'node:crypto'
import type { Exchange } from '../../internal/policy.ts'
import { findVariable, type ReadVariable } from '../../internal/template-variables.ts'
import { addressGroup } from './client-address.ts'

/** A place where requests carry a value. One member is set. Names of headers are compared without regard to case. */
export interface KeyPlace {
  readonly header?: string | undefined
  readonly cookie?: string | undefined
  /** A parameter of the query, which is decoded once. */
  readonly query?: string | undefined
  /** A path for `compileClaimPath`. */
  readonly claim?: string | undefined
  readonly pathParameter?: string | undefined
}

export type KeyPart = 'address' | 'route' | 'service' | 'subject' | 'variant' | KeyPlace

/** By what requests are told apart: one part of a request, or several. */
export type KeyRule = KeyPart | readonly KeyPart[]

export interface RequestKeyOptions {
  /** How much of an IPv6 address counts, in bits. Default: 64. */
  readonly ipv6Prefix?: number | undefined
  /**
   * What stands for a part that a request does not have: the client's address, or one value for all such requests.
   * Undefined = such requests have no key.
   */
  readonly whenMissing?: 'address' | 'shared' | undefined
}

/** Returns the key of a request; undefined when it has none. An empty value counts as missing. */
export type ReadRequestKey = (exchange: Exchange) => string | undefined

const MAX_PART_BYTES = 256

/**
 * Compiles a rule for keys. Two requests have the same key if and only if their parts are the same: each part is preceded by
 * its length, and what stands for a missing one differs from every value. A part of more than 256 bytes is replaced by its
 * SHA-256.
 *
 * @throws TypeError when a claim's path is malformed
 */
export function compileRequestKey(rule: KeyRule, options: RequestKeyOptions = {}): ReadRequestKey {
  const { ipv6Prefix = 64, whenMissing } = options
  const parts = [rule].flat() as readonly KeyPart[]
  const readAddress: ReadVariable = ({ call }) => addressGroup(call.clientAddress ?? 'unknown', ipv6Prefix)
  // Every request has an address, so nothing need set these keys apart from others.
  if (parts.length === 1 && parts[0] === 'address') return readAddress
  const readers = parts.map(part => (part === 'address' ? readAddress : readerOf(part)))
  return exchange => {
    let key = ''
    for (const read of readers) {
      const value = read(exchange)
      if (value) key += lengthPrefixed(value)
      else if (whenMissing === 'address') key += `@${lengthPrefixed(readAddress(exchange)!)}`
      else if (whenMissing === 'shared') key += '@'
      else return undefined
    }
    return key
  }
}

/** @param part none that is `address` */
function readerOf(part: KeyPart): ReadVariable {
  if (part === 'variant') return ({ call }) => call.variant ?? 'stable'
  return findVariable(variableOf(part))!
}

/** Names the parts of a key, such as `header.x-key`. Keys that read the same have the same names. */
export function keyPartNames(rule: KeyRule): readonly string[] {
  return ([rule].flat() as readonly KeyPart[]).map(part => {
    const name = variableOf(part)
    return name.startsWith('header.') ? name.toLowerCase() : name
  })
}

/** Returns the variable of templates that has the value of a part; for `address` and `variant`, which have none, their name. */
function variableOf(part: KeyPart): string {
  if (part === 'route') return 'route.id'
  if (part === 'subject') return 'identity.subject'
  if (typeof part === 'string') return part
  const { header, cookie, query, claim, pathParameter } = part
  if (header !== undefined) return `header.${header}`
  if (cookie !== undefined) return `cookie.${cookie}`
  if (query !== undefined) return `query.${query}`
  if (claim !== undefined) return `claim.${claim}`
  return `path.${pathParameter}`
}

function lengthPrefixed(value: string): string {
  // A character has at most three bytes.
  if (value.length * 3 > MAX_PART_BYTES && Buffer.byteLength(value) > MAX_PART_BYTES) {
    return `#${hash('sha256', value, 'base64')}`
  }
  return `${value.length}:${value}`
}
