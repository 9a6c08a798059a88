import { removeHeaders } from '../../internal/http/header-lines.ts'
import type { Exchange, HidesField, Policy } from '../../internal/policy.ts'
import { compileTemplate, encodeForHeader, type Template } from '../../internal/template.ts'

/** Header changes, applied in this order. Values are templates; a line whose template has no value is not added. */
export interface HeadersRule {
  /** Names; one that ends in `*` stands for all that begin so. */
  readonly remove?: readonly string[] | undefined
  readonly set?: Readonly<Record<string, string>> | undefined
  readonly setIfAbsent?: Readonly<Record<string, string>> | undefined
  readonly add?: Readonly<Record<string, string>> | undefined
}

export interface ResponseHeadersRule extends HeadersRule {
  /** Whether answers of the gateway itself are changed too. Default: false. */
  readonly onErrors?: boolean | undefined
}

/** Changes the header lines that nodes get. */
export function createRequestHeaders(rule: HeadersRule): Policy {
  const { change, hides } = compileRequestChange(rule)
  return {
    onAuthorized: exchange => {
      change(exchange.outgoing!.headers, exchange)
      return undefined
    },
    ...(hides && { hidesFromNode: hides }),
  }
}

/** Changes the header lines that clients get. */
export function createResponseHeaders({ onErrors = false, ...rule }: ResponseHeadersRule): Policy {
  const { change, hides } = compileChange(rule, name => name)
  return {
    onResponse: ({ headers, from }, exchange) => {
      if (onErrors || from === 'upstream') change(headers, exchange)
    },
    ...(hides && { hidesFromClient: hides }),
  }
}

/** Compiles a rule for the header lines of requests. */
export function compileRequestChange(rule: HeadersRule): CompiledRule {
  // Servers that read `_` as `-` must not see another copy of what was set or removed.
  return compileChange(rule, name => name.replaceAll('_', '-'))
}

interface CompiledRule {
  /** Changes header lines in place. */
  readonly change: (lines: string[], exchange: Exchange) => void
  /** Returns whether the rule removes or replaces the lines of a name; undefined when it does so with none. */
  readonly hides: HidesField | undefined
}
interface Entry {
  readonly name: string
  /** Returns whether a name, as it is spelled in a line, is this one. */
  readonly isSame: (spelling: string) => boolean
  readonly template: Template
}

/** @param fold maps a lower-case name to what names are compared by */
function compileChange(
  { remove = [], set = {}, setIfAbsent = {}, add = {} }: HeadersRule,
  fold: (name: string) => string,
): CompiledRule {
  const isRemoved = compileNames(remove, fold)
  const sets = compileEntries(set, fold)
  const defaults = compileEntries(setIfAbsent, fold)
  const additions = compileEntries(add, fold)
  const hides =
    isRemoved === undefined && sets.length === 0
      ? undefined
      : (spelling: string) => isRemoved?.(spelling) === true || sets.some(({ isSame }) => isSame(spelling))
  const change = (lines: string[], exchange: Exchange) => {
    if (isRemoved) removeHeaders(lines, isRemoved)
    for (const { name, isSame, template } of sets) {
      const value = template.render(exchange, encodeForHeader)
      // Also without a value: what the other side has sent must not stay in its place.
      removeHeaders(lines, isSame)
      if (value !== undefined) lines.push(name, value)
    }
    for (const { name, isSame, template } of defaults) {
      if (lines.some((text, i) => i % 2 === 0 && isSame(text))) continue
      const value = template.render(exchange, encodeForHeader)
      if (value !== undefined) lines.push(name, value)
    }
    for (const { name, template } of additions) {
      const value = template.render(exchange, encodeForHeader)
      if (value !== undefined) lines.push(name, value)
    }
  }
  return { change, hides }
}

function compileEntries(
  values: Readonly<Record<string, string>>,
  fold: (name: string) => string,
): readonly Entry[] {
  return Object.entries(values).map(([name, value]) => {
    const folded = fold(name.toLowerCase())
    // Folding keeps the length, and most names differ in it.
    const isSame = (spelling: string) =>
      spelling.length === folded.length && fold(spelling.toLowerCase()) === folded
    return { name, isSame, template: compileTemplate(value) }
  })
}

function compileNames(
  names: readonly string[],
  fold: (name: string) => string,
): ((spelling: string) => boolean) | undefined {
  if (names.length === 0) return undefined
  const folded = names.map(name => fold(name.toLowerCase()))
  const exact = new Set(folded.filter(name => !name.endsWith('*')))
  const prefixes = folded.filter(name => name.endsWith('*')).map(name => name.slice(0, -1))
  return spelling => {
    const key = fold(spelling.toLowerCase())
    return exact.has(key) || prefixes.some(prefix => key.startsWith(prefix))
  }
}
