import { isAuthority, normaliseHost } from './authority.ts'

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Why a request may come from a web page of somebody else: by `host` it names us by a name that is not ours; by `site` the
 * browser says so (`Sec-Fetch-Site`); by `origin` it is sent by a page of another origin (`Origin`).
 */
export type Foreignness = 'host' | 'site' | 'origin'

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
  names: readonly string[] = [],
): (headers: Headers) => Foreignness | undefined {
  const own = new Set(names.map(normaliseHost))
  const isOwn = (authority: string) => {
    const name = normaliseHost(authority)
    return isAuthority(authority) && (isAddress(name) || isLocalhost(name) || own.has(name))
  }
  return headers => {
    const { host, origin } = headers
    if (host !== undefined && !isOwn(String(host))) return 'host'
    const site = headers['sec-fetch-site']
    if (site === 'cross-site' || site === 'same-site') return 'site'
    if (origin !== undefined && String(origin).toLowerCase() !== `http://${host}`.toLowerCase())
      return 'origin'
    return undefined
  }
}

const BYTE = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IPV4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}$`)

function isAddress(host: string): boolean {
  return host.startsWith('[') || IPV4.test(host)
}

/** RFC 6761 section 6.3: names below `localhost` are loopback as well. */
function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost')
}
