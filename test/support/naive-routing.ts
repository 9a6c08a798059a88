import type { Condition, ConditionRule, MatchRule } from '../../internal/conditions.ts'
import type { Route } from '../../internal/routing/route.ts'

/** A request as a person would write it down. */
export interface PlainRequest {
  readonly method: string
  readonly host: string
  /** Segments without escapes, and perhaps a trailing slash. */
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly query: readonly (readonly [name: string, value: string])[]
  readonly cookies: readonly (readonly [name: string, value: string])[]
  /** An IPv4 address. */
  readonly from: string
}

interface Candidate {
  readonly route: Route
  readonly rule: MatchRule | undefined
  readonly index: number
  /** The segments of its path; those of `/x` for a document `/x/*` that matches `/x`. */
  readonly pattern: readonly string[]
  readonly isImplied: boolean
}

/**
 * Finds the route of a request the slow way, from the rules in docs/paths-and-hosts.md and docs/policies/match.md: all
 * documents are compared with the request, put in order, and asked one after the other.
 */
export function naiveRoute(
  documents: readonly Route[],
  autoRoute: (service: string) => Route | undefined,
  request: PlainRequest,
): Route | undefined {
  const candidates = documents
    .filter(({ methods }) => methods === undefined || isFor(methods, request.method))
    .filter(({ hosts }) => hosts === undefined || hosts.some(host => covers(host, request.host)))
    .flatMap(route => candidatesOf(route))
    .filter(({ pattern }) => fits(pattern, request.path))
    .sort((a, b) => order(a, b, request.host))
  const auto = autoRoute(request.path.split('/')[1] ?? '')
  const isAfterAuto = ({ route }: Candidate) => route.hosts === undefined && /^\/(?::|\*$)/.test(route.path)
  for (const candidate of candidates) {
    const { route, rule, pattern } = candidate
    if (rule === undefined || holds(rule, request)) return isAfterAuto(candidate) ? (auto ?? route) : route
    const rivals = candidates.filter(other => other.pattern.join('/') === pattern.join('/'))
    const refusing = rivals.find(other => other.route.whenUnmatched === 'refuse')
    const isLast = rivals.every(other => other.rule !== undefined && !holds(other.rule, request))
    if (isLast && refusing !== undefined) return isAfterAuto(refusing) ? auto : undefined
  }
  return auto
}

function candidatesOf(route: Route): Candidate[] {
  const segments = route.path
    .slice(1)
    .split('/')
    .map(segment => (segment.startsWith(':') ? ':' : segment))
  return (route.match ?? [undefined]).flatMap((rule, index) => {
    const explicit = { route, rule, index, pattern: segments, isImplied: false }
    if (segments.length === 1 || segments.at(-1) !== '*') return [explicit]
    return [explicit, { ...explicit, pattern: segments.slice(0, -1), isImplied: true }]
  })
}

function fits(pattern: readonly string[], path: string): boolean {
  const segments = path.slice(1).split('/')
  if (pattern.at(-1) !== '*' && pattern.length !== segments.length) return false
  return pattern.every((expected, i) => {
    if (expected === '*') return segments.length > i
    if (expected === ':') return segments[i] !== undefined && segments[i] !== ''
    return segments[i] === expected
  })
}

/** Puts the more specific path first, and orders documents of one pattern. */
function order(a: Candidate, b: Candidate, host: string): number {
  for (let i = 0; i < Math.max(a.pattern.length, b.pattern.length); i++) {
    const byKind = kindOf(a.pattern[i]) - kindOf(b.pattern[i])
    if (byKind !== 0) return byKind
  }
  const [countA, countB] = [countOf(a.rule), countOf(b.rule)]
  return (
    Number(a.isImplied) - Number(b.isImplied) ||
    b.route.priority - a.route.priority ||
    hostRank(b.route.hosts, host) - hostRank(a.route.hosts, host) ||
    countB.all - countA.all ||
    countB.exact - countA.exact ||
    (a.route.id < b.route.id ? -1 : a.route.id > b.route.id ? 1 : a.index - b.index)
  )
}

function kindOf(segment: string | undefined): number {
  if (segment === '*') return 2
  return segment === ':' ? 1 : 0
}

function countOf(rule: MatchRule | undefined) {
  let [all, exact] = [0, 0]
  for (const named of [rule?.headers, rule?.query, rule?.cookies]) {
    for (const condition of Object.values(named ?? {})) {
      all++
      if (ruleOf(condition).exact !== undefined) exact++
    }
  }
  return { all: all + (rule?.clients ? 1 : 0), exact }
}

function isFor(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))
}

function covers(pattern: string, host: string): boolean {
  return pattern.startsWith('*.')
    ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
    : pattern === host
}

function hostRank(hosts: readonly string[] | undefined, host: string): number {
  return Math.max(
    0,
    ...(hosts ?? [])
      .filter(pattern => covers(pattern, host))
      .map(pattern => pattern.length + (pattern.startsWith('*.') ? 0 : 1_000)),
  )
}

/** Returns whether all conditions of a rule hold. Ranges of clients end at a dot, as in `10.0.0.0/8`. */
export function holds(rule: MatchRule, { headers, query, cookies, from }: PlainRequest): boolean {
  const values = (pairs: PlainRequest['headers'], name: string, ignoresCase: boolean) =>
    pairs
      .filter(([each]) => each === name || (ignoresCase && each.toLowerCase() === name.toLowerCase()))
      .map(([, value]) => value)
  return (
    Object.entries(rule.headers ?? {}).every(([name, each]) => passes(each, values(headers, name, true))) &&
    Object.entries(rule.query ?? {}).every(([name, each]) => passes(each, values(query, name, false))) &&
    Object.entries(rule.cookies ?? {}).every(([name, each]) => passes(each, values(cookies, name, false))) &&
    (rule.clients?.some(range => isInRange(from, range)) ?? true)
  )
}

function isInRange(address: string, range: string): boolean {
  const [base = '', bits = '32'] = range.split('/')
  const kept = Number(bits) / 8
  return address.split('.').slice(0, kept).join('.') === base.split('.').slice(0, kept).join('.')
}

function ruleOf(condition: Condition): ConditionRule {
  return typeof condition === 'string' ? { exact: condition } : condition
}

function passes(condition: Condition, values: readonly string[]): boolean {
  const { not = false, ignoreCase, present, ...rule } = ruleOf(condition)
  if (present !== undefined) return (values.length > 0 === present) !== not
  const spell = (text: string) => (ignoreCase ? text.toLowerCase() : text)
  return (
    values.some(value => {
      const text = spell(value)
      if (rule.exact !== undefined) return text === spell(rule.exact)
      if (rule.prefix !== undefined) return text.slice(0, rule.prefix.length) === spell(rule.prefix)
      if (rule.suffix !== undefined) return text.slice(-rule.suffix.length) === spell(rule.suffix)
      if (rule.contains !== undefined) return text.split(spell(rule.contains)).length > 1
      if (rule.regex !== undefined)
        return new RegExp(`^(?:${rule.regex})$`, ignoreCase ? 'i' : '').test(value)
      return rule.in!.map(spell).includes(text)
    }) !== not
  )
}
