import {
  bindingsOfRule,
  type HttpBinding,
  type HttpRule,
  parseTemplate,
} from '../../internal/grpc/http-rule.ts'
import type { BindingChoice } from '../../internal/grpc/json-options.ts'
import type { RuleEntry } from '../../internal/grpc/rule-table.ts'
import type { GrpcMethod, ServiceSchema } from '../descriptors/schema.ts'

export interface BindingsOptions {
  /** Undefined: `annotated` for methods that have a rule, `default` for the others. */
  readonly choice: BindingChoice | undefined
  /** Rules that replace the annotations of the methods that they select. */
  readonly rules: readonly HttpRule[]
}

export interface Bindings {
  readonly entries: readonly RuleEntry<GrpcMethod>[]
  /** What has no effect, as texts for people. */
  readonly problems: readonly string[]
}

/** Returns the ways to call the methods of a schema over HTTP. */
export function createBindings(schema: ServiceSchema, options: BindingsOptions): Bindings {
  const problems: string[] = []
  const given = rulesBySelector(schema, options.rules, problems)
  const counts = new Map<string, number>()
  for (const method of schema.methods) counts.set(shortName(method), (counts.get(shortName(method)) ?? 0) + 1)
  const entries = schema.methods.flatMap(method => {
    const rules = given.get(method.name) ?? (method.rule ? [method.rule] : [])
    const annotated = rules.flatMap(rule => tryBindings(method, rule, problems))
    const { choice = annotated.length > 0 ? 'annotated' : 'default' } = options
    const isUnique = counts.get(shortName(method)) === 1
    return [
      // What a document states holds whatever the choice is.
      ...(choice !== 'default' || given.has(method.name) ? annotated : []),
      ...(choice === 'annotated' ? [] : defaultBindings(method, isUnique)),
    ].map(binding => ({ binding, value: method }))
  })
  return { entries, problems }
}

function rulesBySelector(
  schema: ServiceSchema,
  rules: readonly HttpRule[],
  problems: string[],
): ReadonlyMap<string, readonly HttpRule[]> {
  const names = new Map(schema.methods.map(({ name }) => [name.replace('/', '.'), name]))
  const given = new Map<string, HttpRule[]>()
  for (const rule of rules) {
    const name = names.get(rule.selector?.replace('/', '.') ?? '')
    if (name === undefined)
      problems.push(`a rule selects ${JSON.stringify(rule.selector)}, which is no method`)
    else if (given.has(name)) given.get(name)!.push(rule)
    else given.set(name, [rule])
  }
  return given
}

function tryBindings(method: GrpcMethod, rule: HttpRule, problems: string[]): HttpBinding[] {
  try {
    return bindingsOfRule(rule)
  } catch (error) {
    problems.push(`the rule of ${method.name} is not valid: ${(error as Error).message}`)
    return []
  }
}

function defaultBindings(method: GrpcMethod, isUnique: boolean): HttpBinding[] {
  const paths = [`/${method.name}`, ...(isUnique ? [`/${shortName(method)}`] : [])]
  return paths.flatMap(path => {
    const template = parseTemplate(path)
    const post = { httpMethod: 'POST', template, body: '*', responseBody: undefined }
    return method.isSafe ? [post, { ...post, httpMethod: 'GET', body: undefined }] : [post]
  })
}

/** Returns `Method` of `package.Service/Method`. */
function shortName({ name }: GrpcMethod): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
