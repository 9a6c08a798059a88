import { asText, isNamed } from './http/header-lines.ts'
import { parameterName, parameterValue, queryOf } from './http/query.ts'
import { compilePattern } from './pattern.ts'

/** What the values of one name must be. A text stands for `exact`; an object has one test, and may turn it around. */
export type Condition = string | ConditionRule

export interface ConditionRule {
  readonly exact?: string | undefined
  readonly prefix?: string | undefined
  readonly suffix?: string | undefined
  readonly contains?: string | undefined
  readonly in?: readonly string[] | undefined
  /** Whether there must be a value. */
  readonly present?: boolean | undefined
  /** A pattern for the whole value. */
  readonly regex?: string | undefined
  readonly ignoreCase?: boolean | undefined
  /** Turns the condition around: it holds when no value passes. */
  readonly not?: boolean | undefined
}

/** Conditions by name. Names of headers may be in any case. */
export type Conditions = Readonly<Record<string, Condition>>

/** What a request must be like. All conditions must hold. */
export interface MatchRule {
  readonly headers?: Conditions | undefined
  readonly query?: Conditions | undefined
  readonly cookies?: Conditions | undefined
  /** Addresses and CIDR ranges, one of which must include the client. */
  readonly clients?: readonly string[] | undefined
}

/** Creates the test whether an address is in one of these addresses and CIDR ranges. */
export type CreateAddressTest = (ranges: readonly string[]) => (address: string) => boolean

/** Judges all values of one name, of which there may be none. */
export type ConditionTest = (values: readonly string[]) => boolean

/** Judges a request. */
export type MatchTest = (request: MatchedRequest) => boolean

/** What is asked of a request. Its query and its cookies are read when a condition asks for them, and once. */
export class MatchedRequest {
  /** Header lines, flat. */
  readonly headers: readonly string[]
  readonly #target: string
  readonly clientAddress: string | undefined
  /** Whether it is a CORS preflight, for which conditions for headers and cookies hold: the request itself may have them. */
  readonly isPreflight: boolean
  /** Whether a document was judged by the headers, cookies or address, so that another client may get another route for the URL. */
  isJudgedByClient = false
  #query: Values | undefined
  #cookies: Values | undefined

  /**
   * @param target the target with its query
   * @param clientAddress undefined when it is not known; then it is in no range
   */
  constructor(
    headers: readonly string[],
    target: string,
    clientAddress: string | undefined,
    isPreflight = false,
  ) {
    this.headers = headers
    this.#target = target
    this.clientAddress = clientAddress
    this.isPreflight = isPreflight
  }

  /** The parameters of the query, decoded once. What is not well encoded is there as it was written. */
  get query(): Values {
    this.#query ??= readQuery(this.#target)
    return this.#query
  }

  get cookies(): Values {
    this.#cookies ??= readCookies(this.headers)
    return this.#cookies
  }
}

type Values = ReadonlyMap<string, readonly string[]>

/**
 * Compiles a condition.
 *
 * @throws TypeError when its pattern is none, or too complex
 */
export function compileCondition(condition: Condition): ConditionTest {
  const { passes, isTurned } = testOf(condition)
  return values => {
    for (let i = 0; i < values.length; i++) {
      if (passes(values[i]!)) return !isTurned
    }
    return isTurned
  }
}

/**
 * Compiles conditions.
 *
 * @throws TypeError when a pattern is none, or too complex
 */
export function compileMatch(rule: MatchRule, createAddressTest: CreateAddressTest): MatchTest {
  const tests: MatchTest[] = []
  for (const [name, condition] of Object.entries(rule.headers ?? {})) {
    const holds = compileHeaderCondition(name.toLowerCase(), condition)
    tests.push(request => request.isPreflight || holds(request.headers))
  }
  for (const [name, condition] of Object.entries(rule.cookies ?? {})) {
    const holds = compileCondition(condition)
    tests.push(request => request.isPreflight || holds(request.cookies.get(name) ?? NONE))
  }
  for (const [name, condition] of Object.entries(rule.query ?? {})) {
    const holds = compileCondition(condition)
    tests.push(({ query }) => holds(query.get(name) ?? NONE))
  }
  if (rule.clients !== undefined) {
    const isIn = createAddressTest(rule.clients)
    tests.push(({ clientAddress }) => clientAddress !== undefined && isIn(clientAddress))
  }
  return request => {
    for (let i = 0; i < tests.length; i++) {
      if (!tests[i]!(request)) return false
    }
    return true
  }
}

/** Whether requests for one URL may differ in whether they meet a rule. */
export function asksForClient({ headers, cookies, clients }: MatchRule): boolean {
  return (headers ?? cookies ?? clients) !== undefined
}

/** How much a rule asks for. Of two rules, the one that asks for more goes first. */
export interface MatchSpecificity {
  /** The number of conditions. */
  readonly conditions: number
  /** How many of them are for an exact value. */
  readonly exact: number
}

export function specificityOf({ headers, query, cookies, clients }: MatchRule): MatchSpecificity {
  const named = [headers, query, cookies].flatMap(conditions => Object.values(conditions ?? {}))
  return {
    conditions: named.length + (clients === undefined ? 0 : 1),
    exact: named.filter(condition => typeof condition === 'string' || condition.exact !== undefined).length,
  }
}

const NONE: readonly string[] = []

/** Judges header lines without an array of values, since most conditions are for headers. */
function compileHeaderCondition(name: string, condition: Condition): (lines: readonly string[]) => boolean {
  const { passes, isTurned } = testOf(condition)
  return lines => {
    for (let i = 0; i < lines.length; i += 2) {
      if (isNamed(lines[i]!, name) && passes(asText(lines[i + 1]!))) return !isTurned
    }
    return isTurned
  }
}

interface Test {
  readonly passes: (value: string) => boolean
  /** Whether no value may pass, instead of one. */
  readonly isTurned: boolean
}

function testOf(condition: Condition): Test {
  const rule: ConditionRule = typeof condition === 'string' ? { exact: condition } : condition
  const { present, regex, ignoreCase = false, not = false } = rule
  if (present !== undefined) return { passes: () => true, isTurned: present === not }
  if (regex !== undefined) {
    const pattern = compilePattern(regex, ignoreCase)
    return { passes: value => pattern.matches(value), isTurned: not }
  }
  const passes = compileTextTest(rule, ignoreCase ? foldCase : asWritten)
  return { passes: ignoreCase ? value => passes(foldCase(value)) : passes, isTurned: not }
}

function compileTextTest(
  { exact, prefix, suffix, contains, in: list = [] }: ConditionRule,
  spell: (text: string) => string,
): (value: string) => boolean {
  if (exact !== undefined) {
    const expected = spell(exact)
    return value => value === expected
  }
  if (prefix !== undefined) {
    const start = spell(prefix)
    return value => value.startsWith(start)
  }
  if (suffix !== undefined) {
    const end = spell(suffix)
    return value => value.endsWith(end)
  }
  if (contains !== undefined) {
    const part = spell(contains)
    return value => value.includes(part)
  }
  const expected = new Set(list.map(spell))
  return value => expected.has(value)
}

const asWritten = (text: string) => text
const foldCase = (text: string) => text.toLowerCase()

function readQuery(target: string): Values {
  const values = new Map<string, string[]>()
  const query = queryOf(target)
  if (query === '') return values
  for (const pair of query.split('&')) add(values, parameterName(pair), parameterValue(pair))
  return values
}

function readCookies(lines: readonly string[]): Values {
  const values = new Map<string, string[]>()
  for (let i = 0; i < lines.length; i += 2) {
    if (!isNamed(lines[i]!, 'cookie')) continue
    for (const pair of lines[i + 1]!.split(';')) {
      const equals = pair.indexOf('=')
      if (equals !== -1) add(values, pair.slice(0, equals).trim(), asText(pair.slice(equals + 1).trim()))
    }
  }
  return values
}

function add(values: Map<string, string[]>, name: string, value: string): void {
  const known = values.get(name)
  if (known === undefined) values.set(name, [value])
  else known.push(value)
}
