import { isIP } from 'node:net'
import { isAuthority, normaliseHost } from '../../internal/http/authority.ts'

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Why a request may come from a web page of somebody else, and the error that it is answered with. */
export interface ForeignRequest {
  readonly code: 'WA_FOREIGN' | 'WA_HOST'
  readonly detail: string
}

/**
 * Returns a check that finds requests which a web page of somebody else may have made. Any page can make a browser on this
 * machine connect to a loopback address, by letting its own name resolve to it (DNS rebinding). The browser then sends that
 * name as `Host`, so names that are not ours are refused. An IP literal always is what was connected to.
 *
 * A request without `Host` comes from no browser, and one without `Origin` and `Sec-Fetch-Site` from a script.
 *
 * @param names further names of the listener, without ports
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function createForeignCheck(
  names: readonly string[],
): (headers: Headers) => ForeignRequest | undefined {
  const own = new Set(names.map(normaliseHost))
  const isOwn = (authority: string) => {
    const name = normaliseHost(authority)
    return isAuthority(authority) && (isAddress(name) || isLocalhost(name) || own.has(name))
  }
  return headers => {
    const { host, origin } = headers
    if (host !== undefined && !isOwn(String(host))) {
      return {
        code: 'WA_HOST',
        detail:
          'the admin listener is not known by the name in Host: use an IP address or localhost, add the name to admin.hosts, or configure a token (waygate admin-token)',
      }
    }
    const site = headers['sec-fetch-site']
    if (site === 'cross-site' || site === 'same-site') {
      return { code: 'WA_FOREIGN', detail: `requests of other sites are refused (Sec-Fetch-Site: ${site})` }
    }
    if (origin !== undefined && String(origin).toLowerCase() !== `http://${host}`.toLowerCase()) {
      return { code: 'WA_FOREIGN', detail: 'requests of other origins are refused (Origin)' }
    }
    return undefined
  }
}

function isAddress(host: string): boolean {
  return host.startsWith('[') || isIP(host) !== 0
}

/** RFC 6761 section 6.3: names below `localhost` are loopback as well. */
function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}
