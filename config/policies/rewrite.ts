import { isAuthority } from '../../internal/http/authority.ts'
import { findPatternProblem } from '../../internal/pattern.ts'
import { compileCapture } from '../../internal/pattern-capture.ts'
import { type Finding, show } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { pathTemplateProblems } from './path-template.ts'
import { policyRule, type RuleContext } from './policy-rule.ts'
import { templateProblems } from './template-problems.ts'

const MAX_ENTRIES = 64
const MAX_GROUPS = 9

const PATH = Type.String({ minLength: 1, maxLength: 2_048, title: 'a path template' })
const Pattern = closed(
  {
    regex: Type.String({
      minLength: 1,
      description:
        'A regular expression of RE2 syntax for the whole path, as it is spelled. A path that does not match it stays.',
    }),
    to: { ...PATH, description: 'The new path; `{re.1}` is what the first group has matched.' },
  },
  { title: 'a pattern' },
)
const NAMES = Type.Array(Type.String({ minLength: 1 }), { maxItems: MAX_ENTRIES })
const VALUES = Type.Record(Type.String(), Type.String({ maxLength: 2_048 }), { maxProperties: MAX_ENTRIES })

const Query = closed(
  {
    keep: Type.Optional({ ...NAMES, description: 'The only parameters of the client that stay.' }),
    remove: Type.Optional({ ...NAMES, description: 'Parameters to remove.' }),
    set: Type.Optional({ ...VALUES, description: 'Values to set in place of any that are there.' }),
    add: Type.Optional({ ...VALUES, description: 'Parameters to add to any that are there.' }),
  },
  {
    minProperties: 1,
    description:
      'Changes the query, in this order: `{"keep": [], "remove": [], "set": {}, "add": {}}`. Parameters that are not touched keep their bytes and their order. Values are templates.',
  },
)

/** `rewrite`: the target and the Host that nodes get. */
export const rewrite = policyRule({
  schema: closed(
    {
      path: Type.Optional(
        Type.Union([PATH, Pattern], {
          description:
            'The path that nodes get, a [template](policies/templates.md): `/v2/items/{path.id}`. Or a pattern and what becomes of the paths that match it: `{"regex": "/v(\\d+)/(.*)", "to": "/{re.2}"}`. It takes the place of `stripPrefix`.',
        }),
      ),
      query: Type.Optional(Query),
      host: Type.Optional(
        Type.String({
          minLength: 1,
          description:
            'The `Host` that nodes get: `node`, the address of the node; `client`, what the client sent; or a host name, with a port if it needs one. It takes the place of `preserveHost`.',
        }),
      ),
    },
    {
      minProperties: 1,
      title: 'rewriting',
      description:
        'Changes the path, the query and the `Host` that nodes get ([rewriting](policies/rewrite.md)): `{"path": "/v2/{path.*}"}`. What is matched, authorized and logged is the request of the client.',
    },
  ),
  needsNode: true,
  *problems(rule, context) {
    const { path, query, host } = membersOf(rule)
    const { stripPrefix, preserveHost, mergeSlashes } = context.document ?? {}
    if (path !== undefined) {
      if (stripPrefix !== undefined) yield { path: ['path'], message: 'must not be beside stripPrefix' }
      if (mergeSlashes === false) yield { path: ['path'], message: 'must not be beside mergeSlashes: false' }
      yield* pathProblems(path, context)
    }
    yield* queryProblems(query, context)
    if (host !== undefined && preserveHost !== undefined)
      yield { path: ['host'], message: 'must not be beside preserveHost' }
    if (typeof host === 'string' && !isAuthority(host)) {
      yield {
        path: ['host'],
        message: `must be "node", "client" or a host such as "api.internal:8080", not ${show(host)}`,
      }
    }
  },
})

function* pathProblems(path: unknown, context: RuleContext): Generator<Finding> {
  if (typeof path === 'string') {
    for (const message of pathTemplateProblems(path, context)) yield { path: ['path'], message }
    return
  }
  const { regex, to } = membersOf(path)
  if (typeof regex !== 'string' || typeof to !== 'string') return
  const problem = findPatternProblem(regex)
  if (problem !== undefined) {
    yield { path: ['path', 'regex'], message: problem }
    return
  }
  if (/\$[\d{]/.test(to))
    yield { path: ['path', 'to'], message: 'has a $: write {re.1} for the first group, not $1' }
  const { groups } = compileCapture(regex)
  if (groups > MAX_GROUPS)
    yield { path: ['path', 'regex'], message: `must not have more than ${MAX_GROUPS} groups` }
  for (const message of pathTemplateProblems(to, context, { groups })) yield { path: ['path', 'to'], message }
}

function* queryProblems(query: unknown, context: RuleContext): Generator<Finding> {
  const { set, add } = membersOf(query)
  for (const [operation, values] of Object.entries({ set, add })) {
    for (const [name, value] of Object.entries(membersOf(values))) {
      if (typeof value !== 'string') continue
      for (const message of templateProblems(value, context, { needsResult: true })) {
        yield { path: ['query', operation, name], message }
      }
    }
  }
}
