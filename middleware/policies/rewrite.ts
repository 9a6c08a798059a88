import { GatewayError } from '../../internal/http/errors.ts'
import { parameterName, queryOf } from '../../internal/http/query.ts'
import { canonicalTarget, hasNestedDotSegment, pathOf } from '../../internal/http/target.ts'
import { compileCapture } from '../../internal/pattern-capture.ts'
import type { Exchange, OutgoingRequest, Policy } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import { compileTemplate, encodeForUrl } from '../../internal/template.ts'

export interface RewriteRule {
  /** The template of the path, or a pattern for it and the template of what becomes of a path that matches. */
  readonly path?: string | { readonly regex: string; readonly to: string } | undefined
  readonly query?: QueryRule | undefined
  /** `node`, `client`, or an authority. */
  readonly host?: string | undefined
}

/** Changes of a query, applied in this order. Values are templates. */
export interface QueryRule {
  readonly keep?: readonly string[] | undefined
  readonly remove?: readonly string[] | undefined
  readonly set?: Readonly<Record<string, string>> | undefined
  readonly add?: Readonly<Record<string, string>> | undefined
}

export interface RewriteTools {
  /** The longest target that a request may have. */
  readonly maxTargetBytes: number
}

const REFUSED = new GatewayError('WG_BAD_REQUEST', {
  detail: 'For the service, this request would get a target that is not allowed.',
  cause: new Error('rewritten target'),
})
const NO_METHOD = new GatewayError('WG_NO_METHOD', {
  detail: 'The route rewrites its paths, and the path of a gRPC call names its method.',
})

/**
 * Changes the target and the Host that nodes get. It runs after everything that judges the request, so its result is
 * judged by the rules for targets again.
 *
 * A rule of `routes.defaults` may meet a route with fields of its own that say the same. These count then.
 */
export function createRewrite({ path, query, host }: RewriteRule, { maxTargetBytes }: RewriteTools): Policy {
  const rewritePath = path === undefined ? undefined : compilePath(path)
  const editQuery = query === undefined ? undefined : compileQuery(query)
  return {
    onAuthorized: exchange => {
      const outgoing = exchange.outgoing!
      const { route } = outgoing
      if (host !== undefined && !route.preserveHost) setHost(outgoing, host, exchange)
      const sent = pathOf(outgoing.target)
      const hasOwnPath = route.stripPrefix !== '' || route.mergeSlashes === false
      const newPath = hasOwnPath ? undefined : rewritePath?.(exchange)
      if (newPath !== undefined && newPath !== sent) {
        if (outgoing.rpc !== undefined) throw NO_METHOD
        exchange.call.sentPath = newPath
      }
      const query = editQuery ? editQuery(exchange) : outgoing.target.slice(sent.length)
      outgoing.target = (newPath ?? sent) + query
      if (outgoing.target.length > maxTargetBytes) throw REFUSED
      return undefined
    },
  }
}

function setHost(outgoing: OutgoingRequest, host: string, { head }: Exchange): void {
  if (host === 'client') outgoing.host = head.host
  else outgoing.host = host === 'node' ? undefined : host
}

/** Returns a function that makes the new path of a request; undefined = it stays. It throws REFUSED. */
function compilePath(path: NonNullable<RewriteRule['path']>): (exchange: Exchange) => string | undefined {
  if (typeof path === 'string') {
    const template = compileTemplate(path)
    return exchange => judge(template.renderPath(exchange), exchange.outgoing!.route)
  }
  const pattern = compileCapture(path.regex)
  const template = compileTemplate(path.to)
  return exchange => {
    const captures = pattern.capture(pathOf(exchange.outgoing!.target))
    return captures && judge(template.renderPath(exchange, captures), exchange.outgoing!.route)
  }
}

/**
 * Returns the canonical form of a path that a template has made.
 *
 * @throws GatewayError for a path that no client may send on this route
 */
function judge(path: string | undefined, { allowEncodedSlash }: Route): string {
  const read = path === undefined || hasNestedDotSegment(path) ? undefined : canonicalTarget(path)
  if (read === undefined || read.unmergedPath !== undefined) throw REFUSED
  if (read.hasEncodedSlash && !allowEncodedSlash) throw REFUSED
  return read.target
}

/** Returns a function that makes the new query of a request, with its question mark; '' = none. It throws REFUSED. */
function compileQuery({ keep, remove = [], set = {}, add = {} }: QueryRule): (exchange: Exchange) => string {
  const kept = keep && new Set(keep)
  const removed = new Set([...remove, ...Object.keys(set)])
  const stays = (name: string) => !removed.has(name) && (kept === undefined || kept.has(name))
  const additions = [...Object.entries(set), ...Object.entries(add)].map(([name, value]) => ({
    name: encodeForUrl(name),
    template: compileTemplate(value),
  }))
  return exchange => {
    const query = queryOf(exchange.outgoing!.target)
    const pairs = query === '' ? [] : query.split('&').filter(pair => stays(parameterName(pair)))
    for (const { name, template } of additions) {
      const value = template.render(exchange, text => text)
      if (value === undefined) throw REFUSED
      pairs.push(`${name}=${encodeForUrl(value)}`)
    }
    return pairs.length === 0 ? '' : `?${pairs.join('&')}`
  }
}
