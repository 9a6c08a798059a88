const SLASH = 47

/** Returns the literal segments at the start of a document's path, spelled as by {@link decodedSegment}; '' = none. */
export function literalStart(path: string): string {
  const parameter = path.indexOf('/:')
  const start = parameter === -1 ? path : path.slice(0, parameter)
  const literal = start.endsWith('/*') ? start.slice(0, -2) : start
  if (literal === '/') return ''
  return literal.includes('%') ? decodedLiterals(literal).replaceAll('%', '%25') : literal
}

/** Returns a segment of a request's path as the router compares it: decoded, except for percent signs. */
export function decodedSegment(path: string, from: number): string {
  const slash = path.indexOf('/', from)
  const segment = slash === -1 ? path.slice(from) : path.slice(from, slash)
  if (!segment.includes('%')) return segment
  try {
    return decodeURI(segment.replaceAll('%25', '%2525'))
  } catch {
    // No router matches such a path.
    return segment
  }
}

/** Returns where the segment with this index starts; -1 = there is none. */
export function startOfSegment(path: string, index: number): number {
  let from = path === '' ? -1 : 1
  for (let left = index; left > 0 && from !== -1; left--) {
    const slash = path.indexOf('/', from)
    from = slash === -1 ? -1 : slash + 1
  }
  return from
}

/** Hashes the segment that starts at `from`, up to the next slash. */
export function hashOfSegment(path: string, from: number): number {
  let hash = 0
  for (let at = from; at < path.length; at++) {
    const code = path.charCodeAt(at)
    if (code === SLASH) break
    hash = (hash * 31 + code) | 0
  }
  return hash
}

/** Decodes the literal parts of a pattern, because the router decodes paths and expects decoded patterns. */
export function decodedLiterals(path: string): string {
  if (!path.includes('%')) return path
  try {
    // An encoded asterisk must not become a wildcard.
    return decodeURI(path.replace(/%2a/gi, '%252A'))
  } catch {
    return path
  }
}
