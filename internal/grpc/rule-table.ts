import type { HttpBinding, PathTemplate } from './http-rule.ts'

/** A value that a binding leads to, such as a method. */
export interface RuleEntry<T> {
  readonly binding: HttpBinding
  readonly value: T
}

/** The entry for a request. */
export interface RuleMatch<T> {
  readonly entry: RuleEntry<T>
  /** The decoded value of each variable, in the order of the template. */
  readonly captures: readonly string[]
}

/** An entry with its place in the order: of the entries that match a path, the one with the smallest rank wins. */
interface Ranked<T> extends RuleEntry<T> {
  readonly rank: number
}

/** The templates that have the same segments so far. */
interface Branch<T> {
  readonly literals: Map<string, Branch<T>>
  any: Branch<T> | undefined
  /** The templates that end here, by verb ('' = none) and HTTP method. */
  readonly ends: Map<string, Map<string, Ranked<T>>>
  /** The templates that go on with `**`, by verb and HTTP method. */
  readonly rests: Map<string, Map<string, Ranked<T>>>
}

/** A path, split at its slashes. `verb` is what follows the last colon of the last segment, if it has one. */
interface SplitPath {
  readonly segments: readonly string[]
  readonly lastWithoutVerb: string
  readonly verb: string
}

/**
 * Finds the binding of a request. Of the templates that match a path, the one with the most literal segments wins, then
 * one without `**`, then the first one.
 */
export class RuleTable<T> {
  readonly #root: Branch<T> = createBranch()
  /** Bindings that were not taken, because an earlier one has the same method and path. */
  readonly duplicates: readonly RuleEntry<T>[]

  constructor(entries: readonly RuleEntry<T>[]) {
    const order = entries.map((entry, index) => ({ entry, index }))
    order.sort((a, b) => compare(a.entry.binding.template, b.entry.binding.template) || a.index - b.index)
    const duplicates: RuleEntry<T>[] = []
    for (const [rank, { entry }] of order.entries()) {
      if (!this.#add({ ...entry, rank })) duplicates.push(entry)
    }
    this.duplicates = duplicates
  }

  /** @param path in canonical form, without the query */
  find(httpMethod: string, path: string): RuleMatch<T> | undefined {
    const split = splitPath(path)
    const entry = best(this.#root, split, 0, httpMethod)
    return entry && { entry, captures: capturesOf(entry.binding.template, split) }
  }

  /** Returns the HTTP methods for which `find` would find something, sorted; for the Allow header. */
  allowedMethods(path: string): string[] {
    const found = new Set<string>()
    collectMethods(this.#root, splitPath(path), 0, found)
    return [...found].sort()
  }

  /** @returns false when there is one like it */
  #add(entry: Ranked<T>): boolean {
    const { httpMethod, template } = entry.binding
    let branch = this.#root
    for (const segment of template.segments) {
      if (segment === '**') return put(branch.rests, template.verb, httpMethod, entry)
      if (segment === '*') {
        branch.any ??= createBranch()
        branch = branch.any
        continue
      }
      let next = branch.literals.get(segment.literal)
      if (!next) {
        next = createBranch()
        branch.literals.set(segment.literal, next)
      }
      branch = next
    }
    return put(branch.ends, template.verb, httpMethod, entry)
  }
}

function createBranch<T>(): Branch<T> {
  return { literals: new Map(), any: undefined, ends: new Map(), rests: new Map() }
}

function put<T>(
  byVerb: Map<string, Map<string, Ranked<T>>>,
  verb: string | undefined,
  httpMethod: string,
  entry: Ranked<T>,
): boolean {
  let byMethod = byVerb.get(verb ?? '')
  if (!byMethod) {
    byMethod = new Map()
    byVerb.set(verb ?? '', byMethod)
  }
  if (byMethod.has(httpMethod)) return false
  byMethod.set(httpMethod, entry)
  return true
}

function compare(a: PathTemplate, b: PathTemplate): number {
  return literalsOf(b) - literalsOf(a) || restsOf(a) - restsOf(b)
}

/** A verb is literal, too. */
function literalsOf({ segments, verb }: PathTemplate): number {
  return segments.filter(segment => typeof segment === 'object').length + (verb === undefined ? 0 : 1)
}

function restsOf({ segments }: PathTemplate): number {
  return segments.at(-1) === '**' ? 1 : 0
}

function splitPath(path: string): SplitPath {
  const segments = path.slice(1).split('/')
  const last = segments.at(-1)!
  const colon = last.lastIndexOf(':')
  if (colon === -1) return { segments, lastWithoutVerb: last, verb: '' }
  return { segments, lastWithoutVerb: last.slice(0, colon), verb: last.slice(colon + 1) }
}

function best<T>(branch: Branch<T>, path: SplitPath, at: number, httpMethod: string): Ranked<T> | undefined {
  let found = at === path.segments.length ? branch.ends.get('')?.get(httpMethod) : undefined
  found = better(found, branch.rests.get('')?.get(httpMethod))
  if (at < path.segments.length) {
    found = better(found, descend(branch, path, at, httpMethod, path.segments[at]!))
  }
  if (path.verb === '') return found
  if (at <= path.segments.length) found = better(found, branch.rests.get(path.verb)?.get(httpMethod))
  if (at === path.segments.length - 1) found = better(found, endWithVerb(branch, path, httpMethod))
  return found
}

function descend<T>(
  branch: Branch<T>,
  path: SplitPath,
  at: number,
  httpMethod: string,
  segment: string,
): Ranked<T> | undefined {
  const literal = branch.literals.get(segment)
  const found = literal && best(literal, path, at + 1, httpMethod)
  // No parameter matches an empty segment, as in routes.
  if (branch.any === undefined || segment === '') return found
  return better(found, best(branch.any, path, at + 1, httpMethod))
}

/** The last segment, read as a segment and a verb. */
function endWithVerb<T>(branch: Branch<T>, path: SplitPath, httpMethod: string): Ranked<T> | undefined {
  const found = branch.literals.get(path.lastWithoutVerb)?.ends.get(path.verb)?.get(httpMethod)
  if (path.lastWithoutVerb === '') return found
  return better(found, branch.any?.ends.get(path.verb)?.get(httpMethod))
}

function better<T>(a: Ranked<T> | undefined, b: Ranked<T> | undefined): Ranked<T> | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a.rank < b.rank ? a : b
}

function collectMethods<T>(branch: Branch<T>, path: SplitPath, at: number, found: Set<string>): void {
  const add = (byMethod: Map<string, Ranked<T>> | undefined): void => {
    for (const method of byMethod?.keys() ?? []) found.add(method)
  }
  add(branch.rests.get(''))
  if (path.verb !== '') add(branch.rests.get(path.verb))
  if (at === path.segments.length) {
    add(branch.ends.get(''))
    return
  }
  const segment = path.segments[at]!
  const literal = branch.literals.get(segment)
  if (literal) collectMethods(literal, path, at + 1, found)
  if (branch.any && segment !== '') collectMethods(branch.any, path, at + 1, found)
  if (path.verb === '' || at !== path.segments.length - 1) return
  add(branch.literals.get(path.lastWithoutVerb)?.ends.get(path.verb))
  if (path.lastWithoutVerb !== '') add(branch.any?.ends.get(path.verb))
}

function capturesOf(template: PathTemplate, path: SplitPath): string[] {
  if (template.variables.length === 0) return []
  const segments =
    template.verb === undefined ? path.segments : [...path.segments.slice(0, -1), path.lastWithoutVerb]
  return template.variables.map(({ from, to }) => {
    const text = segments.slice(from, to).join('/')
    return to === from + 1 ? decodeSegment(text) : decodeSegments(text)
  })
}

function decodeSegment(text: string): string {
  return text.includes('%') ? decode(text) : text
}

/** Keeps an encoded slash as it is, because it is not one between segments. */
function decodeSegments(text: string): string {
  if (!text.includes('%')) return text
  return text
    .split(/(%2f)/i)
    .map(part => (/^%2f$/i.test(part) ? part : decode(part)))
    .join('')
}

/** Targets with escapes that are no UTF-8 are passed on as they are, so they must not throw here. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
