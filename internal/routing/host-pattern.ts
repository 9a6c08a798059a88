/** Whether a route's host pattern (a name, or `*.` and a name) covers a normalised host. */
export function hostMatches(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host
  const suffix = pattern.slice(1)
  return host.length > suffix.length && host.endsWith(suffix)
}

/**
 * Returns how specifically a route's patterns cover a host. Larger is more specific: a name ranks before a wildcard, a
 * long wildcard before a short one, and a route without hosts last. Patterns that do not cover the host are ignored.
 */
export function hostSpecificity(patterns: readonly string[] | undefined, host: string): number {
  if (!patterns) return 0
  const covering = patterns.filter(pattern => hostMatches(pattern, host))
  return Math.max(
    0,
    ...covering.map(pattern => (pattern.startsWith('*.') ? pattern.length : 1_000 + pattern.length)),
  )
}
