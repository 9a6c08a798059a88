import { compileClaimPath } from './claim-path.ts'
import { asText, getAllHeaders, getCookie } from './http/header-lines.ts'
import { queryOf, queryParameter } from './http/query.ts'
import { pathOf } from './http/target.ts'
import { type Exchange, schemeOf } from './policy.ts'
import { pathParameter, rawPathParameter } from './routing/path-segments.ts'

/** Texts that a pattern has captured; the first is what it matched as a whole. */
export type Captures = readonly (string | undefined)[]

/**
 * Reads a variable of a request; undefined when the request does not have it.
 *
 * @param captures undefined = none, so that `re.N` is absent
 */
export type ReadVariable = (exchange: Exchange, captures?: Captures) => string | undefined

// Headers and cookies are those that the node gets: a client's copy of an identity header is not among them.
const VARIABLES: Readonly<Record<string, ReadVariable>> = {
  'client.address': ({ call }) => call.clientAddress,
  'identity.subject': ({ call }) => call.identity?.subject,
  'node.id': ({ call }) => call.peer?.node.id,
  'path.*': ({ call }) => pathParameter(call.route!.path, call.target, '*'),
  'request.host': ({ head }) => head.host,
  'request.id': ({ call }) => call.requestId,
  'request.method': ({ call }) => call.method,
  'request.path': ({ call }) => pathOf(call.target),
  'request.query': ({ call }) => queryOf(call.target) || undefined,
  'request.scheme': schemeOf,
  'route.id': ({ call }) => call.route!.id,
  service: ({ call, outgoing }) => (outgoing?.service ?? call.route!.service) || undefined,
  'time.iso': () => new Date().toISOString(),
  'time.unix': () => String(Math.floor(Date.now() / 1000)),
  variant: ({ call }) => call.variant,
}

/** Variables whose last part the template chooses. */
const FAMILIES: Readonly<Record<string, (name: string) => ReadVariable>> = {
  claim: name => {
    const read = compileClaimPath(name)
    return ({ call }) => textOf(call.identity?.claims && read(call.identity.claims))
  },
  cookie:
    name =>
    ({ head }) =>
      headerText(getCookie(head.headers, name)),
  header: name => {
    const lower = name.toLowerCase()
    return ({ head }) => headerText(getAllHeaders(head.headers, lower))
  },
  path:
    name =>
    ({ call }) =>
      pathParameter(call.route!.path, call.target, name),
  query:
    name =>
    ({ call }) =>
      queryParameter(call.target, name),
  re: name => {
    if (!/^\d{1,3}$/.test(name)) throw new TypeError('must be {re. and the number of a group}')
    // A group that took no part in a match is empty, as in every language.
    return (_exchange, captures) => captures && (captures[Number(name)] ?? '')
  },
}

/** Pieces of the path, as they are spelled there. The readers above decode them. */
const RAW_FAMILIES: typeof FAMILIES = {
  path:
    name =>
    ({ call }) =>
      rawPathParameter(call.route!.path, call.target, name),
  re: FAMILIES.re!,
}
const RAW_VARIABLES: typeof VARIABLES = {
  'path.*': VARIABLES['path.*']!,
  'request.path': VARIABLES['request.path']!,
}

/** Matches variables that some requests of a route do not have. */
export const MAY_BE_ABSENT =
  /^(?:claim|cookie|header|query)\.|^(?:identity\.subject|node\.id|request\.host|request\.query|variant)$/

/** Every variable, for messages; those of a family as `header.NAME`. */
export const VARIABLE_NAMES: readonly string[] = [
  ...Object.keys(VARIABLES),
  ...Object.keys(FAMILIES).map(family => `${family}.NAME`),
]

/** Returns the reader of a variable; undefined when nothing is called so. */
export function findVariable(name: string): ReadVariable | undefined {
  return find(name, VARIABLES, FAMILIES)
}

/** Returns the reader of a piece of the path, as it is spelled there; undefined for every other variable. */
export function findRawVariable(name: string): ReadVariable | undefined {
  return find(name, RAW_VARIABLES, RAW_FAMILIES)
}

function find(
  name: string,
  variables: typeof VARIABLES,
  families: typeof FAMILIES,
): ReadVariable | undefined {
  if (Object.hasOwn(variables, name)) return variables[name]
  const dot = name.indexOf('.')
  const family = name.slice(0, dot)
  const rest = name.slice(dot + 1)
  return dot > 0 && rest !== '' && Object.hasOwn(families, family) ? families[family]!(rest) : undefined
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function headerText(value: string | undefined): string | undefined {
  return value === undefined ? undefined : asText(value)
}
