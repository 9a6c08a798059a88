import { GatewayError } from '../../internal/http/errors.ts'
import { queryOf, withoutParameter } from '../../internal/http/query.ts'
import type { Exchange, Policy } from '../../internal/policy.ts'
import { ASKED_HOST, splitTarget } from '../../internal/redirect-target.ts'
import { compileTemplate, encodeForUrl, variablesOf } from '../../internal/template.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'
import type { CredentialTools } from './credential-places.ts'

export interface RedirectRule {
  /** The template of a path, or of a URL whose scheme and host are fixed. */
  readonly to: string
  /** Default: 308. */
  readonly status?: number | undefined
  /** Whether the client's query is added. Default: true. */
  readonly keepQuery?: boolean | undefined
  /** Default: an hour for permanent redirects; the others are not remembered. */
  readonly cacheSeconds?: number | undefined
}

const PERMANENT = [301, 308]
const DEFAULT_CACHE_SECONDS = 3_600
const MAX_LENGTH = 8 * 1024
const NO_BODY = Buffer.alloc(0)
/** Variables that differ between clients that ask the same URL. */
const OF_CLIENT = /^(?:claim|cookie|header)\.|^(?:client\.address|identity\.subject)$/
/** What browsers take for another host, or drop before they read on. */
const MISLEADING = /^\/[/\\]|\\|[^\x21-\x7e]/
/** Segments that lead out of the path. */
const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:\/|$)/i

const REFUSED = new GatewayError('WG_BAD_REQUEST', {
  detail: 'This request would be redirected to an address that is not allowed.',
  cause: new Error('redirect target'),
})

/** Answers every request of a route with a redirect, after authentication. */
export function createRedirect(rule: RedirectRule, { credentialPlaces }: CredentialTools): Policy {
  const { to, status = 308, keepQuery = true, cacheSeconds } = rule
  const locate = compileRedirect(to, keepQuery, credentialPlaces.tokenParameter)
  const seconds = cacheSeconds ?? (PERMANENT.includes(status) ? DEFAULT_CACHE_SECONDS : undefined)
  const isForOne = variablesOf(to).some(variable => OF_CLIENT.test(variable))
  return {
    onAuthorized: exchange => {
      const lines = ['location', locate(exchange)]
      if (seconds !== undefined) {
        const isPrivate = isForOne || exchange.call.identity !== undefined || isForSome(exchange)
        lines.push('cache-control', `${isPrivate ? 'private, ' : ''}max-age=${seconds}`)
      }
      return createWholeResponse(status, lines, NO_BODY)
    },
  }
}

/** Whether clients that ask the same URL get another answer: a shared cache would give them this one. */
function isForSome({ call, isRoutedByClient }: Exchange): boolean {
  return isRoutedByClient || call.route!.policies?.clients !== undefined
}

/**
 * Returns the function that says where a request is redirected. Of a request, only values that are encoded get into the
 * result, and pieces of its path, so that it never leads to another host.
 *
 * @param dropped a parameter of the client's query that is not kept: a cache or another host could get the secret in it
 */
export function compileRedirect(
  to: string,
  keepQuery: boolean,
  dropped?: string,
): (exchange: Exchange) => string {
  const parts = splitTarget(to)
  const asksHost = parts.origin.endsWith(ASKED_HOST)
  const path = compileTemplate(parts.path)
  const query = compileTemplate(parts.query.replaceAll(' ', '%20'))
  const fragment = compileTemplate(parts.fragment.replaceAll(' ', '%20'))
  return exchange => {
    const { call, head } = exchange
    const pathText = path.renderPath(exchange)
    const own = query.render(exchange, encodeForUrl)
    const fragmentText = fragment.render(exchange, encodeForUrl)
    if (pathText === undefined || own === undefined || fragmentText === undefined) throw REFUSED
    if (MISLEADING.test(pathText) || DOT_SEGMENT.test(pathText) || (asksHost && head.host === undefined))
      throw REFUSED
    const origin = asksHost ? parts.origin.replace(ASKED_HOST, head.host!) : parts.origin
    const target = dropped === undefined ? call.target : withoutParameter(call.target, dropped)
    const queries = [own, keepQuery ? queryOf(target) : ''].filter(text => text !== '')
    const location = origin + pathText + (queries.length === 0 ? '' : `?${queries.join('&')}`) + fragmentText
    if (location.length > MAX_LENGTH) throw REFUSED
    return location
  }
}
