/** A Host header as a name: lower case, without port and without the root's dot. */
export function normaliseHost(host: string): string {
  const colon = host.lastIndexOf(':')
  const name = colon > host.lastIndexOf(']') ? host.slice(0, colon) : host
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
}

/** Whether a route's host pattern (a name, or `*.` and a name) covers a normalised host. */
export function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host
  const suffix = pattern.slice(1)
  return host.length > suffix.length && host.endsWith(suffix)
}

/**
 * How closely a route's patterns name a host they cover. Larger is more specific: a name before a wildcard, a
 * long wildcard before a short one, no host last. Patterns that cover other hosts say nothing of this one.
 */
export function hostSpecificity(patterns: readonly string[] | undefined, host: string): number {
  if (!patterns) return 0
  const covering = patterns.filter(pattern => hostMatches(pattern, host))
  return Math.max(
    0,
    ...covering.map(pattern => (pattern.startsWith('*.') ? pattern.length : 1_000 + pattern.length)),
  )
}
