import { isAuthority } from '../../internal/http/authority.ts'
import { ASKED_HOST, splitTarget } from '../../internal/redirect-target.ts'
import { type Finding, show } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { pathTemplateProblems } from './path-template.ts'
import { policyRule, type RuleContext } from './policy-rule.ts'
import { templateProblems } from './template-problems.ts'

/** `redirect`: sends clients elsewhere. */
export const redirect = policyRule({
  schema: closed(
    {
      to: Type.String({
        minLength: 1,
        maxLength: 2_048,
        description:
          'Where clients are sent, a [template](policies/templates.md): a path, such as `/new/{path.*}`, or a URL whose scheme and host are written out. `https://{request.host}/...` is for documents with `hosts`.',
      }),
      status: Type.Optional(
        Type.Union(
          [301, 302, 303, 307, 308].map(status => Type.Literal(status)),
          { description: 'The status. Absent: 308, which keeps method and body.' },
        ),
      ),
      keepQuery: Type.Optional(
        Type.Boolean({
          description:
            'Whether the query of the client is added behind that of `to`, without a token in it (`jwt.queryParameter`). Absent: true.',
        }),
      ),
      cacheSeconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 31_536_000,
          description:
            'How long clients may remember the redirect (`Cache-Control`). Absent: 3600 for 301 and 308, which browsers otherwise remember for as long as they like; the others are not remembered.',
        }),
      ),
    },
    {
      title: 'redirect',
      description:
        'Sends clients elsewhere, in place of `service` ([redirect](policies/redirect.md)): `{"to": "/new/{path.*}"}`. Such a route is open to everybody unless the document has `auth`.',
    },
  ),
  answers: true,
  *problems(rule, context) {
    const { to } = membersOf(rule)
    if (typeof to !== 'string') return
    for (const message of targetProblems(to, context)) yield { path: ['to'], message } satisfies Finding
  },
})

function targetProblems(to: string, context: RuleContext): string[] {
  const { origin, path, query, fragment } = splitTarget(to)
  const problem = origin === '' ? pathProblem(to) : originProblem(origin, context)
  if (problem !== undefined) return [problem]
  const found = [query, fragment].flatMap(text => templateProblems(text, context, { needsResult: true }))
  return [...pathTemplateProblems(path, context), ...found]
}

function pathProblem(to: string): string | undefined {
  return to.startsWith('/') || to.startsWith('{request.path}')
    ? undefined
    : 'must be a path that begins with "/", or a URL that begins with "https://" or "http://"'
}

function originProblem(origin: string, { document }: RuleContext): string | undefined {
  const authority = origin.slice(origin.indexOf('//') + 2)
  if (isAuthority(authority)) return undefined
  if (authority !== ASKED_HOST) {
    return `must have a host that is written out, or ${ASKED_HOST} alone, not ${show(authority)}`
  }
  return document?.hosts === undefined
    ? `has the host ${ASKED_HOST}, which is any host that a client says it asks: list those that are meant in hosts`
    : undefined
}
