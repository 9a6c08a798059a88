import { compileClaimPath } from './claim-path.ts'
import { getAllHeaders, getCookie } from './http/header-lines.ts'
import { pathOf } from './http/target.ts'
import { type Exchange, schemeOf } from './policy.ts'
import { pathParameter } from './routing/path-segments.ts'

/** A longer result is no result. */
const MAX_RESULT_LENGTH = 8 * 1024

export type ReadVariable = (exchange: Exchange) => string | undefined

/** Text, or a variable with what stands in for it when it is absent. */
type Part = string | { readonly variable: string; readonly fallback: string | undefined }

/** A text with variables of the request in it, such as `user-{identity.subject|nobody}`. */
export interface Template {
  /**
   * Fills the variables in. Returns undefined when a variable without a default is absent, and when the result is over
   * 8 KiB.
   *
   * @param encode makes a value safe for the place it lands in; the template's own text is not encoded
   */
  render(exchange: Exchange, encode: (value: string) => string): string | undefined
}

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
  service: ({ call, outgoing }) => outgoing?.service ?? call.route!.service,
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
      asText(getCookie(head.headers, name)),
  header: name => {
    const lower = name.toLowerCase()
    return ({ head }) => asText(getAllHeaders(head.headers, lower))
  },
  path:
    name =>
    ({ call }) =>
      pathParameter(call.route!.path, call.target, name),
  query:
    name =>
    ({ call }) =>
      queryParameter(call.target, name),
}

/** Every variable, for messages; those of a family as `header.NAME`. */
export const VARIABLE_NAMES: readonly string[] = [
  ...Object.keys(VARIABLES),
  ...Object.keys(FAMILIES).map(family => `${family}.NAME`),
]

/** What is wrong with a template; `variable` is set when nothing is called so. */
export interface TemplateProblem {
  readonly message: string
  readonly variable?: string
}

/** Returns the variables of a template, as they are written; none when it is malformed. */
export function variablesOf(text: string): string[] {
  return (parse(text) ?? []).flatMap(part => (typeof part === 'string' ? [] : part.variable))
}

/** Returns what is wrong with a template; undefined when nothing is. */
export function findTemplateProblem(text: string): TemplateProblem | undefined {
  const parts = parse(text)
  if (parts === undefined)
    return { message: 'has a "{" without its "}"; write "{{" for the character itself' }
  for (const part of parts) {
    if (typeof part === 'string') continue
    try {
      if (!findVariable(part.variable))
        return { message: `has an unknown variable {${part.variable}}`, variable: part.variable }
    } catch (error) {
      return { message: `{${part.variable}} ${(error as Error).message}` }
    }
  }
  return undefined
}

/** @throws TypeError when `findTemplateProblem` finds something */
export function compileTemplate(text: string): Template {
  const problem = findTemplateProblem(text)
  if (problem) throw new TypeError(problem.message)
  const parts = parse(text)!.map(part =>
    typeof part === 'string' ? part : { read: findVariable(part.variable)!, fallback: part.fallback },
  )
  const [only] = parts
  if (parts.length === 1 && typeof only === 'string') return { render: () => only }
  return {
    render(exchange, encode) {
      let result = ''
      for (const part of parts) {
        if (typeof part === 'string') result += part
        else {
          const value = part.read(exchange) ?? part.fallback
          if (value === undefined) return undefined
          result += encode(value)
        }
      }
      return result.length > MAX_RESULT_LENGTH ? undefined : result
    },
  }
}

/** Writes a value so that it stays within its header line: bytes other than printable ASCII become `%XX`. */
export function encodeForHeader(value: string): string {
  return /^[\x20-\x7e]*$/.test(value)
    ? value
    : Buffer.from(value).reduce(
        (text, byte) =>
          text +
          (byte >= 0x20 && byte <= 0x7e
            ? String.fromCharCode(byte)
            : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`),
        '',
      )
}

/** Undefined when a brace is not closed. */
function parse(text: string): readonly Part[] | undefined {
  const parts: Part[] = []
  let literal = ''
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '{') literal += text[i]
    else if (text[i + 1] === '{') {
      literal += '{'
      i++
    } else {
      const end = text.indexOf('}', i)
      if (end === -1) return undefined
      const [variable = '', ...fallback] = text.slice(i + 1, end).split('|')
      if (literal !== '') parts.push(literal)
      literal = ''
      parts.push({ variable, fallback: fallback.length === 0 ? undefined : fallback.join('|') })
      i = end
    }
  }
  if (literal !== '' || parts.length === 0) parts.push(literal)
  return parts
}

/**
 * Returns what reads a variable, such as `header.x-tenant`; undefined when there is none of that name.
 *
 * @throws TypeError when it is a claim whose path is malformed
 */
export function findVariable(name: string): ReadVariable | undefined {
  if (Object.hasOwn(VARIABLES, name)) return VARIABLES[name]
  const dot = name.indexOf('.')
  const family = name.slice(0, dot)
  const rest = name.slice(dot + 1)
  return dot > 0 && rest !== '' && Object.hasOwn(FAMILIES, family) ? FAMILIES[family]!(rest) : undefined
}

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Returns a header value, whose characters are bytes, as the text that its bytes mean in UTF-8 if they mean one. */
function asText(value: string | undefined): string | undefined {
  if (value === undefined || !/[\x80-\xff]/.test(value)) return value
  const text = Buffer.from(value, 'latin1').toString('utf8')
  return text.includes('\ufffd') ? value : text
}

function queryOf(target: string): string {
  const at = target.indexOf('?')
  return at === -1 ? '' : target.slice(at + 1)
}

/** Returns the first parameter of that name, decoded once; undecoded where its percent-encoding is malformed. */
function queryParameter(target: string, name: string): string | undefined {
  for (const pair of queryOf(target).split('&')) {
    const equals = pair.indexOf('=')
    const key = equals === -1 ? pair : pair.slice(0, equals)
    if (decodeQuery(key) === name) return equals === -1 ? '' : decodeQuery(pair.slice(equals + 1))
  }
  return undefined
}

function decodeQuery(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
