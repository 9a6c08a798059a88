import { isIP } from 'node:net'

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/** Why a request may come from a web page of somebody else, and the status that it is answered with. */
export interface ForeignRequest {
  readonly status: 403 | 421
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
  const own = new Set(names.map(normal))
  const isOwn = (authority: string) => {
    const name = nameOf(authority)
    return name !== undefined && (isIP(name) !== 0 || isLocalhost(name) || own.has(name))
  }
  return headers => {
    const { host, origin } = headers
    if (host !== undefined && !isOwn(String(host))) {
      return {
        status: 421,
        detail:
          'the admin listener is not known by the name in Host: use an IP address or localhost, add the name to admin.hosts, or set adminToken',
      }
    }
    const site = headers['sec-fetch-site']
    if (site === 'cross-site' || site === 'same-site') {
      return { status: 403, detail: `requests of other sites are refused (Sec-Fetch-Site: ${site})` }
    }
    if (origin !== undefined && String(origin).toLowerCase() !== `http://${host}`.toLowerCase()) {
      return { status: 403, detail: 'requests of other origins are refused (Origin)' }
    }
    return undefined
  }
}

/** Returns the name or the address of a `Host` header; undefined when it has another form. */
function nameOf(authority: string): string | undefined {
  const [, v6, name] = /^(?:\[([\da-f:.]+)\]|([^\s:@/[\]]+))(?::\d{0,5})?$/i.exec(authority) ?? []
  if (v6 !== undefined) return isIP(v6) === 6 ? v6 : undefined
  return name === undefined ? undefined : normal(name)
}

function normal(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

/** RFC 6761 section 6.3: names below `localhost` are loopback as well. */
function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}
