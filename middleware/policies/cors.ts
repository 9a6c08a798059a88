import { GatewayError } from '../../internal/http/errors.ts'
import { addToList, getAllHeaders, removeHeaders, TOKEN_LIST } from '../../internal/http/header-lines.ts'
import { createOriginList } from '../../internal/http/origin.ts'
import type { Exchange, Policy } from '../../internal/policy.ts'
import { createWholeResponse } from '../../internal/whole-response.ts'

export interface CorsRule {
  /** As `createOriginList` takes them. */
  readonly origins: readonly string[]
  /** Default: those of the route, or else DEFAULT_METHODS. */
  readonly methods?: readonly string[] | undefined
  /** `echo`: those that the preflight asks for. Default: `echo`. */
  readonly headers?: 'echo' | readonly string[] | undefined
  readonly exposeHeaders?: readonly string[] | undefined
  readonly credentials?: boolean | undefined
  readonly maxAgeSeconds?: number | undefined
  /** Whether plain requests from another origin are refused. WebSockets always are. Default: false. */
  readonly strict?: boolean | undefined
}

export interface CorsTools {
  /** Is called with the outcome of each preflight. */
  readonly preflight: (exchange: Exchange, result: 'allowed' | 'refused') => void
}

const DEFAULT_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const DEFAULT_MAX_AGE_SECONDS = 600
/** Response headers that the gateway adds and that scripts have use for. */
const OWN_HEADERS = ['Retry-After', 'RateLimit', 'RateLimit-Policy', 'WWW-Authenticate', 'x-request-id']
/** Beside those, the fields in which gRPC-web has the status of a call. */
const GRPC_HEADERS = ['grpc-status', 'grpc-message', 'grpc-status-details-bin']
const PREFIX = 'access-control-'
const EXPOSE = 'access-control-expose-headers'
const MAX_ECHOED_HEADERS = 64

const REFUSED = new GatewayError('WG_ORIGIN_REFUSED', { cause: new Error('the origin is not listed') })
const NO_CONTENT = createWholeResponse(204, [], Buffer.alloc(0))

/**
 * Lets pages of other origins use a route (Fetch standard, CORS protocol). Answers preflights; other answers, refusals
 * among them, get the headers without which a browser hides them from the script.
 */
export function createCors(rule: CorsRule, { preflight }: CorsTools): Policy {
  const { origins, headers = 'echo', credentials = false, strict = false } = rule
  const isAllowed = createOriginList(origins)
  const isForAll = origins.includes('*') && !credentials
  const exposed = [...OWN_HEADERS, ...(rule.exposeHeaders ?? [])].join(', ')
  const exposedToGrpc = `${exposed}, ${GRPC_HEADERS.join(', ')}`
  const maxAge = String(rule.maxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS)
  const listed = headers === 'echo' ? undefined : headers.join(', ')

  function allowPreflight(lines: string[], exchange: Exchange): void {
    const methods = rule.methods ?? exchange.call.route?.methods ?? DEFAULT_METHODS
    lines.push('access-control-allow-methods', methods.join(', '), 'access-control-max-age', maxAge)
    const allowed = listed ?? echoed(exchange)
    if (allowed) lines.push('access-control-allow-headers', allowed)
  }

  return {
    onRequest: exchange => {
      const origin = originOf(exchange)
      if (origin === undefined) return undefined
      if (exchange.isPreflight) {
        const result = isAllowed(origin) ? 'allowed' : 'refused'
        preflight(exchange, result)
        if (result === 'refused') throw REFUSED
        return NO_CONTENT
      }
      if ((strict || exchange.isWebSocket) && !isAllowed(origin)) throw REFUSED
      return undefined
    },
    onResponse: ({ headers: lines }, exchange) => {
      // A second value, from a node that does CORS itself, would make browsers refuse the answer.
      removeHeaders(lines, isAccessControl)
      // Also without an Origin: a cache must not give such an answer to a browser.
      if (!isForAll) addToList(lines, 'vary', ['Origin'])
      const origin = originOf(exchange)
      if (origin === undefined || !isAllowed(origin)) return
      lines.push('access-control-allow-origin', isForAll ? '*' : origin)
      if (credentials) lines.push('access-control-allow-credentials', 'true')
      if (exchange.isPreflight) allowPreflight(lines, exchange)
      else lines.push(EXPOSE, exchange.dialect === undefined ? exposed : exposedToGrpc)
    },
    hidesFromClient: isAccessControl,
  }
}

function isAccessControl(spelling: string): boolean {
  return spelling.length > PREFIX.length && spelling.slice(0, PREFIX.length).toLowerCase() === PREFIX
}

// Reads what the client sent, since other policies may change what a node gets. Several lines, which no browser sends,
// are joined and then match no listed origin.
function originOf({ request }: Exchange): string | undefined {
  return getAllHeaders(request.rawHeaders, 'origin')
}

/** Returns the headers that a preflight asks for; undefined when it asks for none, for too many, or not properly. */
function echoed({ request }: Exchange): string | undefined {
  const asked = getAllHeaders(request.rawHeaders, 'access-control-request-headers')
  if (asked === undefined || !TOKEN_LIST.test(asked)) return undefined
  return asked.split(',').length > MAX_ECHOED_HEADERS ? undefined : asked
}
