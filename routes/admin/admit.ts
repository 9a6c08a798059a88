import { createForeignCheck, type Foreignness } from '../../internal/http/foreign-requests.ts'
import { ApiError } from './api-errors.ts'
import { type AdminToken, type Caller, createFindCaller, LOCAL_CALLER } from './callers.ts'
import { isOfUi } from './ui/serve-ui.ts'

export interface AdmitOptions {
  /** The token of the role `read` that stands in the configuration itself; undefined = none. */
  readonly token: string | undefined
  /** Further tokens by name. */
  readonly tokens?: Readonly<Record<string, AdminToken>> | undefined
  /** Names under which the listener may be called without a token, besides `localhost`. */
  readonly hosts?: readonly string[] | undefined
}

/** The head of a request to the admin listener. */
interface AdminRequest {
  /** The target. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/**
 * Creates the function that judges a request to the admin listener before anything of it is answered. It returns who sent the
 * request; undefined when nobody asks who did.
 *
 * - The probes are for everyone: they reveal nothing, and orchestrators have no token.
 * - With tokens, a request needs a valid one, and may name any host: no web page of somebody else can have the token. The
 *   page of the dashboard is for everyone, since it reveals nothing and is where the token is typed in.
 * - Without tokens, requests that a web page of somebody else may have made are refused.
 *
 * @throws ApiError when it is refused
 */
export function createAdmit({
  token,
  tokens = {},
  hosts = [],
}: AdmitOptions): (request: AdminRequest) => Caller | undefined {
  const findCaller = createFindCaller(token, tokens)
  const findForeign = createForeignCheck(hosts)

  return ({ url, headers }) => {
    if (url === '/healthz' || url === '/readyz') return undefined
    if (findCaller === undefined) {
      const foreign = findForeign(headers)
      if (foreign === undefined) return LOCAL_CALLER
      throw foreignError(foreign, headers['sec-fetch-site'])
    }
    const caller = findCaller(headers.authorization as string | undefined)
    if (caller === undefined) {
      if (isOfUi(url)) return undefined
      throw new ApiError('WA_TOKEN', 'send a token of the admin listener as Authorization: Bearer TOKEN', {
        'www-authenticate': 'Bearer realm="waygate-admin"',
      })
    }
    if (caller.role === 'metrics' && !isMetrics(url) && !isOfUi(url)) {
      throw new ApiError(
        'WA_ROLE',
        `the token "${caller.name}" has the role metrics, which reads /metrics alone`,
      )
    }
    if (caller.role === 'register' && !isNode(url) && !isOfUi(url)) {
      throw new ApiError(
        'WA_ROLE',
        `the token "${caller.name}" has the role register, which registers nodes and reads nothing`,
      )
    }
    return caller
  }
}

function foreignError(why: Foreignness, site: unknown): ApiError {
  switch (why) {
    case 'host':
      return new ApiError(
        'WA_HOST',
        'the admin listener is not known by the name in Host: use an IP address or localhost, add the name to admin.hosts, or configure a token (waygate admin-token)',
      )
    case 'site':
      return new ApiError('WA_FOREIGN', `requests of other sites are refused (Sec-Fetch-Site: ${site})`)
    case 'origin':
      return new ApiError('WA_FOREIGN', 'requests of other origins are refused (Origin)')
    default:
      return why satisfies never
  }
}

/** Whether a target is that of a node, at which processes register. Nothing can be read there. */
function isNode(url: string): boolean {
  return /^\/api\/v1\/services\/[^/?#]+\/nodes\/[^/?#]+(?:\?|$)/.test(url)
}

function isMetrics(url: string): boolean {
  return url === '/metrics' || url.startsWith('/metrics?')
}
