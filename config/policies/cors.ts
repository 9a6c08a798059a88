import { parseOriginEntry } from '../../internal/http/origin.ts'
import { show } from '../kit/problem.ts'
import { Type } from '../kit/type.ts'
import { closed, METHOD, membersOf, TOKEN_PATTERN } from '../kit/values.ts'
import { policyRule, textsOf } from './policy-rule.ts'

const HEADER_NAME = Type.String({ pattern: TOKEN_PATTERN, title: 'a header name' })

/** `cors`: which other origins may use a route from a browser. */
export const cors = policyRule({
  schema: closed(
    {
      origins: Type.Array(Type.String(), {
        minItems: 1,
        maxItems: 1_000,
        description:
          'Origins that may read answers: `https://app.example.com`, `https://*.example.com` or just `*.example.com` (any name below it, not the domain itself), `http://localhost:*` (any port), `null`, or `*` alone.',
      }),
      methods: Type.Optional(
        Type.Array(METHOD, {
          minItems: 1,
          description:
            'Methods that a preflight allows. Absent: the `methods` of the document, or else GET, HEAD, POST, PUT, PATCH and DELETE.',
        }),
      ),
      headers: Type.Optional(
        Type.Union([Type.Literal('echo'), Type.Array(HEADER_NAME)], {
          description:
            'Request headers that a preflight allows. `echo`, the default: those that it asks for.',
        }),
      ),
      exposeHeaders: Type.Optional(
        Type.Array(HEADER_NAME, {
          description:
            'Response headers that scripts may read, besides Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate and x-request-id, and besides the status of a call by gRPC-web.',
        }),
      ),
      credentials: Type.Optional(
        Type.Boolean({
          description: 'Whether browsers may send cookies and HTTP authentication. Absent: false.',
        }),
      ),
      maxAgeSeconds: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: 86_400,
          description: 'How long browsers remember a preflight. Absent: 600.',
        }),
      ),
      strict: Type.Optional(
        Type.Boolean({
          description:
            'Whether a request with an Origin that is not listed gets 403 instead of an answer that its script cannot read. Absent: false. WebSockets are always refused. Pages of the gateway itself have an origin too: list it.',
        }),
      ),
    },
    {
      title: 'CORS',
      description:
        'Which other origins may use the route from a browser: `{"origins": ["https://app.example.com"]}`. Preflights are answered here, before authentication.',
    },
  ),
  *problems(rule) {
    const members = membersOf(rule)
    const { origins, credentials } = members
    const list = textsOf(origins)
    for (const [index, origin] of list) {
      if (origin === '*') {
        if (list.length > 1) yield { path: ['origins', index], message: '"*" must stand alone' }
      } else if (parseOriginEntry(origin) === undefined) {
        yield {
          path: ['origins', index],
          message: `must be an origin such as "https://app.example.com", "https://*.example.com", "http://localhost:*", "null" or "*", not ${show(origin)}`,
        }
      }
    }
    if (credentials !== true) return
    for (const [, origin] of list) {
      if (origin === '*' || origin === 'null') {
        yield { path: ['credentials'], message: `must not be true with the origin ${show(origin)}` }
      }
    }
    // With credentials, browsers take it for a name.
    for (const field of ['methods', 'headers', 'exposeHeaders']) {
      for (const [index, name] of textsOf(members[field])) {
        if (name === '*') yield { path: [field, index], message: 'must not be "*" with credentials' }
      }
    }
  },
})
