import {
  type Condition,
  type CreateAddressTest,
  compileMatch,
  type MatchedRequest,
  type MatchRule,
  specificityOf,
} from '../conditions.ts'
import { normaliseHost } from '../http/authority.ts'
import { comparable } from './path-segments.ts'
import type { Route } from './route.ts'
import { hostMatches, precedenceOver } from './route-branch.ts'

/** A document that a request might have been meant for. */
export interface Candidate {
  readonly route: Route
  /** Whether path, host, method and conditions fit the request. */
  readonly fits: boolean
  /** Why the request does not get it; undefined for the one that it gets. */
  readonly lost: string | undefined
}

export interface JudgedRequest {
  readonly method: string
  readonly host: string | undefined
  /** In canonical form, without the query. */
  readonly path: string
  readonly facts: MatchedRequest
}

type IsLike = (got: string, expected: string) => boolean

const MAX_CANDIDATES = 5

/**
 * Judges every document by itself, and returns those that come closest to a request, the nearest first.
 *
 * @param winner the route of the request; undefined when it has none
 * @param isLike whether one segment of a path may be a misspelling of another
 */
export function findCandidates(
  documents: readonly Route[],
  winner: Route | undefined,
  request: JudgedRequest,
  createAddressTest: CreateAddressTest,
  isLike: IsLike,
): Candidate[] {
  const judged = documents
    .map(route => ({ route, ...judge(route, winner, request, createAddressTest, isLike) }))
    .filter(({ route, score }) => score > 0 || route === winner)
  return judged
    .sort((a, b) => b.score - a.score || (a.route.id < b.route.id ? -1 : 1))
    .slice(0, MAX_CANDIDATES)
    .map(({ route, fits, lost }) => ({ route, fits, lost }))
}

interface Verdict extends Pick<Candidate, 'fits' | 'lost'> {
  /** How near it came; 0 = not at all. */
  readonly score: number
}

/** Far above what segments of a path can sum up to. */
const PATH_FITS = 1_000

function judge(
  route: Route,
  winner: Route | undefined,
  request: JudgedRequest,
  createAddressTest: CreateAddressTest,
  isLike: IsLike,
): Verdict {
  const path = judgePath(route.path, request.path, isLike)
  if (path.lost !== undefined) return { fits: false, lost: path.lost, score: path.score }
  const score = PATH_FITS + path.score
  const { method, host } = request
  if (
    route.hosts &&
    !(host !== undefined && route.hosts.some(each => hostMatches(each, normaliseHost(host))))
  ) {
    return { fits: false, lost: `host ${host ?? '(none)'} is not ${route.hosts.join(' or ')}`, score }
  }
  if (
    route.methods &&
    !route.methods.includes(method) &&
    !(method === 'HEAD' && route.methods.includes('GET'))
  ) {
    return { fits: false, lost: `method ${method} is not in ${route.methods.join(', ')}`, score: score + 1 }
  }
  const unmet = unmetCondition(route.match, request.facts, createAddressTest)
  if (unmet !== undefined) return { fits: false, lost: unmet, score: score + 2 }
  if (route.isDisabled) return { fits: true, lost: 'it is disabled', score: score + 3 }
  if (route === winner) return { fits: true, lost: undefined, score: score + 5 }
  return { fits: true, lost: winner && whyBehind(route, winner, request), score: score + 4 }
}

/** Returns why a document that fits is not the one that a request gets. */
function whyBehind(route: Route, winner: Route, { host }: JudgedRequest): string {
  if (winner.origin === 'auto') return 'the automatic route of the service has the more specific path'
  if (winner.path !== route.path) return `${winner.id} has the more specific path ${winner.path}`
  const [a, b] = [winner, route].map(each => ({
    route: each,
    implied: false,
    ...specificityOfAny(each.match),
  }))
  return `${winner.id} has ${precedenceOver(a!, b!, host === undefined ? '' : normaliseHost(host)) ?? 'conditions that come first'}`
}

/** Returns how specific the best member of `match` is. */
function specificityOfAny(match: readonly MatchRule[] = []) {
  const all = match.map(specificityOf)
  return {
    conditions: Math.max(0, ...all.map(({ conditions }) => conditions)),
    exact: Math.max(0, ...all.map(({ exact }) => exact)),
  }
}

/** Compares a path with a document's. The score is the number of leading segments that fit, where a likely slip counts half. */
function judgePath(
  pattern: string,
  path: string,
  isLike: IsLike,
): { readonly score: number; readonly lost?: string } {
  const expected = pattern.split('/').slice(1)
  const actual = path.split('/').slice(1)
  for (const [index, segment] of expected.entries()) {
    // The last segment of a pattern may stand for any number of segments, and for none.
    if (segment === '*') return { score: index }
    const got = actual[index]
    if (got === undefined) return { score: index, lost: `path ends before ${quoted(segment)}` }
    if (segment.startsWith(':') ? got === '' : comparable(segment) !== comparable(got)) {
      const score = index + (isLike(got, segment) ? 0.5 : 0)
      return { score, lost: `path has ${quoted(got)} in place of ${quoted(segment)}` }
    }
  }
  const further = actual.slice(expected.length)
  if (further.length === 0) return { score: expected.length }
  return { score: expected.length, lost: `path goes on with ${quoted(`/${further.join('/')}`)}` }
}

/** Returns the first condition that does not hold, if no member of `match` holds. */
function unmetCondition(
  match: readonly MatchRule[] | undefined,
  facts: MatchedRequest,
  createAddressTest: CreateAddressTest,
): string | undefined {
  if (match === undefined) return undefined
  let first: string | undefined
  for (const rule of match) {
    const unmet = singlesOf(rule).find(single => !compileMatch(single.rule, createAddressTest)(facts))
    if (unmet === undefined) return undefined
    first ??= unmet.name
  }
  return `condition ${first} does not hold`
}

/** Returns the conditions of a rule, each with its name. */
function singlesOf({ clients, ...named }: MatchRule): { readonly name: string; readonly rule: MatchRule }[] {
  const singles = Object.entries(named).flatMap(([of, conditions]) =>
    Object.entries((conditions ?? {}) as Record<string, Condition>).map(([name, condition]) => ({
      name: `${of}.${name} (${JSON.stringify(condition)})`,
      rule: { [of]: { [name]: condition } },
    })),
  )
  return clients ? [...singles, { name: 'clients', rule: { clients } }] : singles
}

function quoted(text: string): string {
  return JSON.stringify(text)
}
