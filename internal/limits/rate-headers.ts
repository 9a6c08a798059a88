import { takeHeader } from '../http/header-lines.ts'
import type { Verdict } from './counters.ts'

/** In which header fields clients are told of their limits. */
export type RateHeaders = 'draft' | 'x-ratelimit' | 'none'

/** The names of those fields, in lower case. */
export const RATE_HEADER_NAMES: Readonly<Record<RateHeaders, readonly string[]>> = {
  draft: ['ratelimit', 'ratelimit-policy'],
  'x-ratelimit': ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'],
  none: [],
}

/** What one rule has said about a request, for its headers and the log. */
export interface RuleReport {
  /** Of printable ASCII, without `"` and `\`. */
  readonly name: string
  readonly limit: number
  readonly windowSeconds: number
  readonly verdict: Verdict
}

/** Sorts reports in place: the rule of which the smallest share is left comes first. */
export function sortReports(reports: RuleReport[]): void {
  if (reports.length > 1) reports.sort((a, b) => shareOf(a) - shareOf(b))
}

function shareOf({ limit, verdict }: RuleReport): number {
  return verdict.remaining / limit
}

/**
 * Adds the headers that tell a client of its limits to the head of an answer, in place. `draft` is
 * draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy: "hour";q=5000;w=3600` and `RateLimit: "hour";r=4990;t=0`,
 * where `t` is the seconds until one more request would be admitted. What a node sent there stays, behind ours; of an item
 * with the same name, the one that has less left.
 *
 * @param reports sorted by {@link sortReports}
 */
export function addRateHeaders(lines: string[], reports: readonly RuleReport[], style: RateHeaders): void {
  const [strictest] = reports
  if (strictest === undefined || style === 'none') return
  if (style === 'x-ratelimit') {
    for (const name of RATE_HEADER_NAMES[style]) takeHeader(lines, name)
    lines.push('X-RateLimit-Limit', String(strictest.limit))
    lines.push('X-RateLimit-Remaining', String(strictest.verdict.remaining))
    lines.push('X-RateLimit-Reset', String(nextSeconds(strictest)))
    return
  }
  const theirs = [takeHeader(lines, 'ratelimit'), takeHeader(lines, 'ratelimit-policy')] as const
  if (theirs[0] === undefined && theirs[1] === undefined) {
    lines.push('RateLimit-Policy', join(reports, policyItem), 'RateLimit', join(reports, limitItem))
    return
  }
  const [theirLimits, theirPolicies] = [readItems(theirs[0]), readItems(theirs[1])]
  const ours = reports.filter(report => !hasLess(theirLimits.get(report.name), report))
  for (const { name } of ours) {
    theirLimits.delete(name)
    theirPolicies.delete(name)
  }
  lines.push('RateLimit-Policy', [...ours.map(policyItem), ...theirPolicies.values()].join(', '))
  lines.push('RateLimit', [...ours.map(limitItem), ...theirLimits.values()].join(', '))
}

function join(reports: readonly RuleReport[], toItem: (report: RuleReport) => string): string {
  let text = toItem(reports[0]!)
  for (let i = 1; i < reports.length; i++) text += `, ${toItem(reports[i]!)}`
  return text
}

function policyItem({ name, limit, windowSeconds }: RuleReport): string {
  // A window is whole seconds, or is not told.
  return Number.isInteger(windowSeconds) ? `"${name}";q=${limit};w=${windowSeconds}` : `"${name}";q=${limit}`
}

function limitItem(report: RuleReport): string {
  return `"${report.name}";r=${report.verdict.remaining};t=${nextSeconds(report)}`
}

function nextSeconds({ verdict: { nextMs } }: RuleReport): number {
  return Number.isFinite(nextMs) ? Math.ceil(nextMs / 1_000) : 0
}

/** A string of RFC 9651 with its parameters, as a member of a list. */
const ITEM =
  /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"(?:[ ]*;[ ]*[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"|[A-Za-z0-9:*/+_.=?-]+))?)*$/

/** What a node sends beyond it is left out, because the time to read it grows with its square. */
const MAX_LENGTH = 2_048

/** Reads the items of a node by their names. What is not an item of a string is left out, as a list with it has no meaning. */
function readItems(value = ''): Map<string, string> {
  const items = new Map<string, string>()
  if (value.length > MAX_LENGTH) return items
  for (const piece of value.match(/(?:"(?:[^"\\]|\\.)*"|[^",])+/g) ?? []) {
    const item = piece.trim()
    const [, name] = ITEM.exec(item) ?? []
    if (name !== undefined) items.set(name, item)
  }
  return items
}

/** Returns whether a node's item says that less is left than ours does. */
function hasLess(item: string | undefined, { verdict }: RuleReport): boolean {
  const [, left] = (item && /;[ ]*r=(\d{1,15})(?![\d.])/.exec(item)) || []
  return left !== undefined && Number(left) < verdict.remaining
}

/**
 * Returns the seconds of Retry-After for a request that is refused until then: a little more for each client by chance, so
 * that not all of them come back at once, by a tenth and 5 s at most. At least 1.
 *
 * @param random returns a number from 0 to 1, without 1
 */
export function retryAfter(retryMs: number, random: () => number = Math.random): number {
  const seconds = Math.max(1, Math.ceil(retryMs / 1_000))
  return seconds + Math.round(random() * Math.min(5, seconds / 10))
}
