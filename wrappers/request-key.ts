import type { HashKey } from '../internal/affinity.ts'
import type { Call } from '../internal/call.ts'
import { claimAt } from '../internal/claim-at.ts'
import type { UpstreamRequest } from '../internal/upstream.ts'
import { cookieOf } from './cookies.ts'

/**
 * What a request is kept at one node by; undefined when it has nothing of the kind, or an empty text.
 *
 * @param isTrustedProxy whose word on the client's address is believed
 */
export function requestKey(
  hashKey: HashKey,
  request: UpstreamRequest,
  call: Call,
  isTrustedProxy: (address: string) => boolean,
): string | undefined {
  switch (hashKey.from) {
    case 'header':
      return headerOf(request.headers, hashKey.name) || undefined
    case 'cookie':
      return cookieOf(request.headers, hashKey.name) || undefined
    case 'address':
      return clientAddress(request.headers, isTrustedProxy)
    case 'claim': {
      const claim = call.identity?.claims && claimAt(call.identity.claims, hashKey.name)
      if (claim === undefined || claim === null || claim === '') return undefined
      return typeof claim === 'string' ? claim : JSON.stringify(claim)
    }
    case 'pathParameter':
      return pathParameter(request.route.path, call.target, hashKey.name)
    default:
      return hashKey satisfies never
  }
}

/** The first line of that name, given in lower case. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]!.length === name.length && headers[i]!.toLowerCase() === name) return headers[i + 1]
  }
  return undefined
}

/** The last address of X-Forwarded-For, which the gateway has written, that is none of our own proxies. */
function clientAddress(
  headers: readonly string[],
  isTrustedProxy: (address: string) => boolean,
): string | undefined {
  const addresses = headerOf(headers, 'x-forwarded-for')?.split(',') ?? []
  let address: string | undefined
  for (const each of addresses.reverse()) {
    address = each.trim()
    if (!isTrustedProxy(address)) break
  }
  return address
}

/** What the client's path has where the route's path has `:name`; the same however it was encoded. */
function pathParameter(pattern: string, target: string, name: string): string | undefined {
  const index = pattern.split('/').indexOf(`:${name}`)
  if (index === -1) return undefined
  const end = target.indexOf('?')
  const segment = (end === -1 ? target : target.slice(0, end)).split('/')[index]
  // A target that is not UTF-8 was refused on its way here.
  return segment && decodeURIComponent(segment)
}
