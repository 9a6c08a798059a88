import { show } from '../kit/problem.ts'

// RFC 3986 `pchar` without `:` (parameters), `*` (the rest) and `%` (checked separately).
const LITERAL = /^(?:[A-Za-z0-9._~!$&'()+,;=@-]|%[0-9A-Fa-f]{2})+$/
const PARAMETER = /^:[A-Za-z_][A-Za-z0-9_]*$/
// Encoded characters that mean something else once decoded: separators, dots and control codes; and characters that need
// no encoding, with which the path would never match.
const AMBIGUOUS_ESCAPE = /%(?:[01][0-9a-f]|7f|2f|5c|2[de]|5f|7e|3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/i

/** Returns what is wrong with a route's `path`; undefined when it is valid. */
export function routePathProblem(path: string): string | undefined {
  if (!path.startsWith('/')) return 'must start with "/"'
  if (path === '/') return undefined
  const segments = path.slice(1).split('/')
  if (segments.at(-1) === '')
    return `must not end with "/": write ${quote(path, -1)}, or ${show(`${path}*`)} for everything below it`
  const parameters = new Set<string>()
  for (const [index, segment] of segments.entries()) {
    const problem = segmentProblem(segment, index === segments.length - 1)
    if (problem !== undefined) return problem
    if (!segment.startsWith(':')) continue
    if (parameters.has(segment)) return `must not use ${show(segment)} twice`
    parameters.add(segment)
  }
  return undefined
}

/** Returns what is wrong with a `stripPrefix` for a path; undefined when it is valid. */
export function stripPrefixProblem(stripPrefix: string, path: string): string | undefined {
  if (stripPrefix === '') return undefined
  if (!stripPrefix.startsWith('/')) return 'must start with "/"'
  if (stripPrefix.endsWith('/')) return `must not end with "/": write ${quote(stripPrefix, -1)}`
  if (/[:*]/.test(stripPrefix)) return 'must be literal: ":" and "*" have no meaning here'
  if (path === stripPrefix || path.startsWith(`${stripPrefix}/`)) return undefined
  return `must consist of whole leading segments of the path ${JSON.stringify(path)}`
}

/** A gRPC service with its package, such as `task.v1.Tasks`, as a whole segment. */
const GRPC_SERVICE = /\/((?:[a-z_][a-z0-9_]*\.)+[A-Z][A-Za-z0-9_]*)(?:\/|$)/

/** Returns what is wrong with a `stripPrefix` that removes the name of a gRPC service; undefined when it does not. */
export function strippedServiceProblem(stripPrefix: string): string | undefined {
  const [, service] = GRPC_SERVICE.exec(stripPrefix) ?? []
  if (service === undefined) return undefined
  return `removes ${JSON.stringify(service)}, without which no gRPC method is found: a node needs the path /package.Service/Method`
}

function segmentProblem(segment: string, last: boolean): string | undefined {
  if (segment === '') return 'must not contain an empty segment ("//")'
  if (segment === '.' || segment === '..') return `must not contain the segment "${segment}"`
  if (segment === '*') return last ? undefined : 'may contain "*" only as the whole last segment'
  if (segment.includes('*')) return 'may contain "*" only as the whole last segment'
  if (segment.startsWith(':')) {
    if (PARAMETER.test(segment)) return undefined
    return `has a malformed parameter ${show(segment)}: a parameter is a colon followed by letters, digits and underscores`
  }
  if (segment.includes(':')) return `may contain ":" only at the start of a segment, not in ${show(segment)}`
  if (/[?#]/.test(segment)) return 'must not contain "?" or "#": routes do not match the query'
  if (!LITERAL.test(segment)) return `has a character that must be percent-encoded in ${show(segment)}`
  const encoded = AMBIGUOUS_ESCAPE.exec(segment)
  return encoded ? `must not contain "${encoded[0]}": servers disagree on whether to decode it` : undefined
}

function quote(text: string, end: number): string {
  return JSON.stringify(text.slice(0, end))
}
