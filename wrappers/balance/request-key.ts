import type { Call } from '../../internal/call.ts'
import { claimAt } from '../../internal/claim-path.ts'
import { getCookie, getHeader } from '../../internal/http/header-lines.ts'
import { pathParameter } from '../../internal/routing/path-segments.ts'
import type { HashKey } from '../../internal/routing/route.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'

/** Returns the key that keeps a request on one node; undefined when the request has none, or an empty one. */
export function requestKey(hashKey: HashKey, request: UpstreamRequest, call: Call): string | undefined {
  switch (hashKey.from) {
    case 'header':
      return getHeader(request.headers, hashKey.name) || undefined
    case 'cookie':
      return getCookie(request.headers, hashKey.name) || undefined
    case 'address':
      return call.clientAddress
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
