import type { Call } from '../../internal/call.ts'
import { claimAt } from '../../internal/claim-path.ts'
import { getCookie, getHeader } from '../../internal/http/header-lines.ts'
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

/** Returns the segment of the client's path that stands where the route's path has `:name`, decoded. */
function pathParameter(pattern: string, target: string, name: string): string | undefined {
  const index = pattern.split('/').indexOf(`:${name}`)
  if (index === -1) return undefined
  const end = target.indexOf('?')
  const segment = (end === -1 ? target : target.slice(0, end)).split('/')[index]
  // Targets that are not valid UTF-8 were refused earlier, so this does not throw.
  return segment && decodeURIComponent(segment)
}
