/** One segment of a path template: a literal text, one segment of any text, or any number of segments. */
export type TemplateSegment = { readonly literal: string } | '*' | '**'

/** A field of the request message that is filled from the path. */
export interface TemplateVariable {
  /** The names of the fields that lead to it, as the template has them. */
  readonly fieldPath: readonly string[]
  /** The index of its first segment. */
  readonly from: number
  /** The index behind its last segment; undefined when it reaches to the end of the path. */
  readonly to: number | undefined
}

/** A path template, such as `/v1/{name=shelves/*}/books:list` (google/api/http.proto, "Path template syntax"). */
export interface PathTemplate {
  readonly text: string
  readonly segments: readonly TemplateSegment[]
  /** What follows the last colon; undefined when there is none. */
  readonly verb: string | undefined
  readonly variables: readonly TemplateVariable[]
}

/** One way to call a method over HTTP. */
export interface HttpBinding {
  /** Upper case, such as `GET`. */
  readonly httpMethod: string
  readonly template: PathTemplate
  /** `*`: the body is the whole message; otherwise the name of the field that it is; undefined: there is no body. */
  readonly body: string | undefined
  /** The name of the field that is the body of the answer; undefined: the whole message is. */
  readonly responseBody: string | undefined
}

/** A `google.api.HttpRule` in the form of its JSON. */
export interface HttpRule {
  readonly selector?: string | undefined
  readonly get?: string | undefined
  readonly put?: string | undefined
  readonly post?: string | undefined
  readonly delete?: string | undefined
  readonly patch?: string | undefined
  readonly custom?: { readonly kind?: string | undefined; readonly path?: string | undefined } | undefined
  readonly body?: string | undefined
  readonly responseBody?: string | undefined
  readonly additionalBindings?: readonly HttpRule[] | undefined
}

const PATTERNS = ['get', 'put', 'post', 'delete', 'patch'] as const
/** More segments and characters than any real path has. */
const MAX_SEGMENTS = 64
const MAX_LENGTH = 1_024
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
const LITERAL = /^(?:[A-Za-z0-9._~!$&'()+,;=@-]|%[0-9A-Fa-f]{2})+$/
const TOKEN = /^[A-Z][A-Z0-9_-]*$/

/**
 * Returns the bindings of a rule: its own, and then its additional ones, which cannot have further ones.
 *
 * @throws TypeError when the rule or one of its templates is not valid
 */
export function bindingsOfRule(rule: HttpRule): HttpBinding[] {
  const additional = rule.additionalBindings ?? []
  if (additional.some(each => (each.additionalBindings ?? []).length > 0)) {
    throw new TypeError('an additional binding must not have additional bindings')
  }
  return [rule, ...additional].map(bindingOf)
}

function bindingOf(rule: HttpRule): HttpBinding {
  const given = PATTERNS.filter(name => rule[name] !== undefined && rule[name] !== '')
  const custom = rule.custom?.kind === undefined || rule.custom.kind === '' ? undefined : rule.custom
  if (given.length + (custom ? 1 : 0) !== 1) {
    throw new TypeError('a rule must have exactly one of get, put, post, delete, patch and custom')
  }
  const httpMethod = custom ? custom.kind! : given[0]!.toUpperCase()
  if (!TOKEN.test(httpMethod)) throw new TypeError(`custom.kind must be an HTTP method, not ${httpMethod}`)
  const { body = '', responseBody = '' } = rule
  if (body !== '' && body !== '*' && !NAME.test(body)) {
    throw new TypeError(`body must be * or the name of a field, not ${body}`)
  }
  if (body !== '' && (httpMethod === 'GET' || httpMethod === 'HEAD')) {
    throw new TypeError(`a ${httpMethod} has no body, so body must be absent`)
  }
  if (responseBody !== '' && !NAME.test(responseBody)) {
    throw new TypeError(`responseBody must be the name of a field, not ${responseBody}`)
  }
  return {
    httpMethod,
    template: parseTemplate(custom ? (custom.path ?? '') : rule[given[0]!]!),
    body: body === '' ? undefined : body,
    responseBody: responseBody === '' ? undefined : responseBody,
  }
}

/** @throws TypeError when the text is not a path template */
export function parseTemplate(text: string): PathTemplate {
  const fail = (reason: string): never => {
    const shown = text.length > MAX_LENGTH ? `${text.slice(0, 100)}…` : text
    throw new TypeError(`the path template ${JSON.stringify(shown)} is not valid: ${reason}`)
  }
  if (text.length > MAX_LENGTH) fail(`it has more than ${MAX_LENGTH} characters`)
  if (!text.startsWith('/')) fail('it must begin with /')
  const segments: TemplateSegment[] = []
  const variables: TemplateVariable[] = []
  const [, body = '', verb] = /^\/(.*?)(?::([^/{}:]+))?$/s.exec(text) ?? []
  if (verb !== undefined && !LITERAL.test(verb))
    fail('the verb behind the colon has characters that a path cannot have')
  for (const part of splitOutsideBraces(body) ?? fail('braces do not match')) {
    const variable = /^\{([^{}=]*)(?:=([^{}]*))?\}$/.exec(part)
    const from = segments.length
    if (!variable) {
      segments.push(segmentOf(part) ?? fail(`${JSON.stringify(part)} is not a segment`))
      continue
    }
    const fieldPath = variable[1]!.split('.')
    if (!fieldPath.every(name => NAME.test(name))) fail(`${variable[1]} is not a path of fields`)
    for (const inner of (variable[2] ?? '*').split('/')) {
      segments.push(segmentOf(inner) ?? fail(`${JSON.stringify(inner)} is not a segment`))
    }
    if (variables.some(other => other.fieldPath.join('.') === variable[1]))
      fail(`${variable[1]} is captured twice`)
    variables.push({ fieldPath, from, to: segments.at(-1) === '**' ? undefined : segments.length })
  }
  if (segments.length > MAX_SEGMENTS) fail(`it has more than ${MAX_SEGMENTS} segments`)
  if (segments.slice(0, -1).includes('**')) fail('** must be the last segment')
  return { text, segments, verb, variables }
}

function segmentOf(text: string): TemplateSegment | undefined {
  if (text === '*' || text === '**') return text
  return LITERAL.test(text) ? { literal: text } : undefined
}

/** Splits a text at slashes, but not inside braces. Returns undefined when braces are nested or do not match. */
function splitOutsideBraces(text: string): string[] | undefined {
  const parts = text.match(/(?:\{[^{}]*\}|[^/{}])+|(?<=^|\/)(?=\/|$)/g) ?? []
  return parts.join('/') === text ? parts : undefined
}
