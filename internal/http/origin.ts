/** An origin (RFC 6454) in lower case, or a list entry that matches many origins. */
interface Origin {
  readonly scheme: string
  readonly host: string
  /** Empty for the default port of the scheme. `*` matches any port, and occurs only in a list entry. */
  readonly port: string
  /** Whether every name below `host` matches, but not `host` itself. True only in a list entry. */
  readonly isWildcard: boolean
}

// It reads what clients send, so it must never backtrack beyond one name.
const ORIGIN =
  /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}|\*))?$/
const IP_ADDRESS = /^\[|(?:^|\.)\d+$/
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' }

/** The origin that a browser sends for a page without an origin of its own, such as one in a sandboxed frame. */
const NULL_ORIGIN: Origin = { scheme: 'null', host: '', port: '', isWildcard: false }

/**
 * Compiles a list of origins: `*`, or entries that `parseOriginEntry` reads.
 *
 * @returns a function that tells whether the value of an Origin header is on the list
 */
export function createOriginList(entries: readonly string[]): (origin: string) => boolean {
  if (entries.includes('*')) return () => true
  const parsed = entries.map(entry => parseOriginEntry(entry)!)
  const exact = new Set(parsed.filter(isExact).map(keyOf))
  const others = parsed.filter(entry => !isExact(entry))
  return text => {
    // As browsers spell it, so that it need not be read.
    if (exact.has(text)) return true
    const origin = parseOrigin(text)
    if (origin === undefined || !isExact(origin)) return false
    return exact.has(keyOf(origin)) || others.some(entry => matches(origin, entry))
  }
}

/**
 * Reads one entry of a list of origins: `null`, an origin, an origin whose host begins with `*.`, which matches one or more
 * labels, or an origin whose port is `*`. `*.example.com` is short for `https://*.example.com`. Case, the default port and
 * the spelling of an IP address make no difference.
 *
 * @returns undefined when the entry is none of these
 */
export function parseOriginEntry(entry: string): Origin | undefined {
  if (entry === 'null') return NULL_ORIGIN
  const parsed = parseOrigin(/^\*\.[^:]*$/.test(entry) ? `https://${entry}` : entry)
  if (parsed === undefined) return undefined
  // URL gives the host the spelling that browsers send.
  const host = URL.parse(`http://${parsed.host}/`)?.hostname
  if (host === undefined || (parsed.isWildcard && IP_ADDRESS.test(host))) return undefined
  return { ...parsed, host }
}

function parseOrigin(text: string): Origin | undefined {
  const [, scheme, wildcard, host, port = ''] = ORIGIN.exec(text.toLowerCase()) ?? []
  if (scheme === undefined || host === undefined || Number(port) > 65_535) return undefined
  return {
    scheme,
    host,
    port: port === DEFAULT_PORTS[scheme] ? '' : port,
    isWildcard: wildcard !== undefined,
  }
}

function isExact({ isWildcard, port }: Origin): boolean {
  return !isWildcard && port !== '*'
}

/** Returns an origin as browsers spell it. */
function keyOf({ scheme, host, port }: Origin): string {
  if (host === '') return scheme
  return port === '' ? `${scheme}://${host}` : `${scheme}://${host}:${port}`
}

function matches(origin: Origin, { scheme, host, port, isWildcard }: Origin): boolean {
  if (origin.scheme !== scheme || (port !== '*' && origin.port !== port)) return false
  return isWildcard ? origin.host.endsWith(`.${host}`) : origin.host === host
}
