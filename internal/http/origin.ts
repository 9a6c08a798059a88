/** Decides whether an origin, as a browser sends it in Origin, is one that a pattern means. */
export type OriginPattern = (origin: string) => boolean

const ORIGIN =
  /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(\d{1,5}|\*))?$/
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', https: '443' }

/**
 * Compiles one entry of a list of origins: `*`, `null`, an origin (RFC 6454), an origin whose host begins with `*.` and
 * means one or more labels there, or one whose port is `*`. Comparison ignores case and the default port.
 *
 * @returns undefined when it is none of these
 */
export function parseOriginPattern(pattern: string): OriginPattern | undefined {
  if (pattern === '*') return () => true
  if (pattern === 'null') return origin => origin === 'null'
  const [, scheme, wildcard, host, port] = ORIGIN.exec(pattern.toLowerCase()) ?? []
  if (scheme === undefined || host === undefined || (wildcard !== undefined && host.startsWith('[')))
    return undefined
  if (port !== undefined && port !== '*' && Number(port) > 65_535) return undefined
  const wanted = port === DEFAULT_PORTS[scheme] ? undefined : port
  const suffix = `.${host}`
  return origin => {
    const [, itsScheme, itsWildcard, itsHost, itsPort] = ORIGIN.exec(origin.toLowerCase()) ?? []
    if (itsScheme !== scheme || itsHost === undefined || itsWildcard !== undefined || itsPort === '*')
      return false
    if (wanted !== '*' && (itsPort === DEFAULT_PORTS[scheme] ? undefined : itsPort) !== wanted) return false
    return wildcard === undefined
      ? itsHost === host
      : itsHost.endsWith(suffix) && itsHost.length > suffix.length
  }
}
