import { Call } from '../../internal/call.ts'
import type { ClientResponse } from '../../internal/http/client-exchange.ts'
import { GatewayError } from '../../internal/http/errors.ts'
import { createRequestHeadReader } from '../../internal/http/request-head.ts'
import { canonicalTarget } from '../../internal/http/target.ts'
import type { Exchange, Policy } from '../../internal/policy.ts'
import { createFixedAnswer, Delays, type FixedAnswerRule } from '../../middleware/policies/fixed-answer.ts'
import { createRequestHeaders } from '../../middleware/policies/headers.ts'
import { createRedirect } from '../../middleware/policies/redirect.ts'
import { createRewrite } from '../../middleware/policies/rewrite.ts'
import { testRoute } from '../support/route.ts'
import { Choice } from './choice.ts'

export interface TemplateFuzz {
  /** Requests made. */
  readonly count: number
  /** Results refused, as 400. */
  readonly refused: number
  /** What went wrong, and the request that shows it. */
  readonly findings: ReadonlyMap<string, string>
}

/** What has ended lines, segments, strings and hosts elsewhere. */
const HOSTILE = [
  ...['\r\n', '\n', '\0', '\t', ' ', '/', '//', '\\', '..', '.', '%2e', '%2E%2e', '%252e%252e', '%2f', '%5c'],
  ...[
    ';',
    '?',
    '#',
    '&',
    '=',
    '+',
    '%',
    '%zz',
    '"',
    '\\"',
    '{',
    '}',
    '{{',
    '|',
    '@',
    ':',
    'http://evil.example',
  ],
  ...['é', '\u{1f600}', '\ud800', '\u2028', 'a', 'x-forged: yes', '*', "'", '<', '\x7f'],
]

/** Where hostile values come from. Each has a default, so that a template always has a result. */
const VARIABLES = ['{claim.v|}', '{query.v|}', '{header.x-v|}', '{cookie.v|}', '{identity.subject|}']

/**
 * Makes requests full of what is dangerous somewhere, fills templates in for every place, and has other readers look at the
 * results: the URL parser of browsers, and that of JSON. No value may change anything beyond its place.
 *
 * @param isOver is called before each request with the number of requests made
 */
export function fuzzTemplates(seed: number, isOver: (count: number) => boolean): TemplateFuzz {
  const choice = new Choice(seed)
  const findings = new Map<string, string>()
  let [count, refused] = [0, 0]
  for (; !isOver(count); count++) {
    const template = choice.some(1, 3, () => choice.of([...VARIABLES, 'a'])).join('')
    const make = makeExchange(choice)
    for (const [what, look] of Object.entries(PLACES)) {
      try {
        const problem = look(template, make())
        if (problem !== undefined) findings.set(`${what}: ${problem}`, `${template} ${describe(make())}`)
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error
        refused++
      }
    }
  }
  return { count, refused, findings }
}

/** Returns what is wrong with the result of a template in a place; undefined when nothing is. */
type Look = (template: string, exchange: Exchange) => string | undefined

const PLACES: Readonly<Record<string, Look>> = {
  header(template, exchange) {
    run(createRequestHeaders({ set: { 'x-made': template } }), exchange)
    const { headers } = exchange.outgoing!
    const values = headers.filter((_, i) => headers[i - 1] === 'x-made')
    if (values.length > 1) return 'there are two lines'
    return /^[\x20-\x7e]*$/.test(values[0] ?? '') ? undefined : 'the line has a character that may end it'
  },
  path(template, exchange) {
    run(createRewrite({ path: `/pre/a${template}/post/{path.*}` }, { maxTargetBytes: 8_192 }), exchange)
    const { target } = exchange.outgoing!
    const path = target.split('?', 1)[0]!
    // Browsers and many servers drop dot segments, in whatever spelling, and cut at a `#`.
    if (new URL(`http://h${target}`).pathname !== path) return 'a URL parser reads another path'
    const [, pre, , post, ...rest] = path.split('/')
    if (pre !== 'pre' || post !== 'post' || rest.join('/') !== 'c%2Cd/e') return 'the path has other segments'
    return canonicalTarget(target)?.target === target ? undefined : 'no client could send the target'
  },
  query(template, exchange) {
    const query = { keep: [], set: { 'a&b': template } }
    run(createRewrite({ query }, { maxTargetBytes: 65_536 }), exchange)
    const { searchParams } = new URL(`http://h${exchange.outgoing!.target}`)
    const [[name, value] = [], ...others] = [...searchParams]
    if (name !== 'a&b' || others.length > 0) return 'there are other parameters'
    return value === plainly(template, exchange) ? undefined : 'the parameter has another value'
  },
  redirect(template, exchange) {
    const to = `/${template}/{path.*}?q=${template}#${template}`
    const answer = run(createRedirect({ to, keepQuery: false }, { credentialPlaces: {} }), exchange)
    const { host, searchParams } = new URL(answer!.headers[1]!, 'http://gateway.example/')
    if (host !== 'gateway.example') return `leads to ${host}`
    return searchParams.size === 1 ? undefined : 'there are other parameters'
  },
  json(template, exchange) {
    const headers = { 'content-type': 'application/json' }
    const expected = plainly(template, exchange)
    for (const rule of [{ body: `{{"a":"${template}","b":1}`, headers }, { body: { a: template, b: 1 } }]) {
      const { a, b, ...others } = parse(answered(rule, exchange)) ?? {}
      if (String(a).toWellFormed() !== expected || b !== 1) return 'the body says something else'
      if (Object.keys(others).length > 0) return 'the body says more'
    }
    return undefined
  },
}

/** Fills a template in without any encoding. A lone surrogate becomes what it becomes in every other reader. */
function plainly(template: string, exchange: Exchange): string {
  return answered({ body: template }, exchange).toWellFormed()
}

/** Returns the body of a fixed answer that is a template. */
function answered(rule: FixedAnswerRule, exchange: Exchange): string {
  const answer = run(createFixedAnswer({ ...rule, template: true }, { delays: new Delays() }), exchange)
  let text = ''
  const target = {
    end(bytes?: Buffer) {
      text = String(bytes ?? '')
    },
  }
  answer!.sendBody(target as unknown as ClientResponse)
  return text
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function run(policy: Policy, exchange: Exchange) {
  const answer = policy.onAuthorized!(exchange)
  if (answer instanceof Promise) throw new TypeError('a policy without a delay waits')
  return answer
}

/** Returns a function that makes equal exchanges, since policies change them. */
function makeExchange(choice: Choice): () => Exchange {
  const value = () => choice.some(0, 4, () => choice.of(HOSTILE)).join('')
  const [claim, subject, query] = [value(), value(), value()]
  // What a parser of HTTP lets through.
  const inHeader = () => Buffer.from(value().replace(/[^\x20-\x7e\x80-\u{10ffff}]/gu, '')).toString('latin1')
  const [header, cookie] = [inHeader(), inHeader()]
  const target = `/items/b/c%2Cd/e?v=${encodeURIComponent(query.toWellFormed())}`
  return () => {
    const call = new Call('id', 'GET', target, 0)
    const route = testRoute({ path: '/items/:id/*' })
    call.route = route
    const claims = { v: claim }
    call.identity = { subject, headers: [], scopes: [], roles: [], claims }
    const head = createRequestHeadReader([])(['Host', 'a', 'x-v', header, 'cookie', `v=${cookie}`])
    const outgoing = { route, target, host: undefined, headers: head.headers, rpc: undefined }
    return { call, head, outgoing, isWebSocket: false } as unknown as Exchange
  }
}

function describe({ call, head }: Exchange): string {
  return JSON.stringify({ target: call.target, identity: call.identity, headers: head.headers })
}
