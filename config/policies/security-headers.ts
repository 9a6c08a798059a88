import { TOKEN } from '../../internal/http/header-lines.ts'
import { Type } from '../kit/type.ts'
import { closed, membersOf } from '../kit/values.ts'
import { policyRule, textsOf } from './policy-rule.ts'
import { reservedInAnswers } from './reserved-headers.ts'

const VALUE = {
  minLength: 1,
  maxLength: 8_192,
  pattern: '^[\\x20-\\x7e]+$',
  title: 'printable ASCII',
} as const
const PRESETS = ['api', 'web'] as const

/** `securityHeaders`: headers by which browsers protect the users of a route. */
export const securityHeaders = policyRule({
  schema: Type.Union(
    [
      Type.Literal('api'),
      Type.Literal('web'),
      closed(
        {
          preset: Type.Optional(Type.Enum([...PRESETS], { description: 'The headers to begin with.' })),
          hstsSeconds: Type.Optional(
            Type.Integer({
              minimum: 0,
              maximum: 4_294_967_295,
              description:
                'How long browsers use TLS alone for the host (`Strict-Transport-Security`), sent over TLS only. Absent and 0: the header is not sent.',
            }),
          ),
          hstsSubdomains: Type.Optional(
            Type.Boolean({
              description: 'Whether that holds for every name below the host. Absent: false.',
            }),
          ),
          csp: Type.Optional(Type.String({ ...VALUE, description: 'The `Content-Security-Policy`.' })),
          frame: Type.Optional(Type.Enum(['DENY', 'SAMEORIGIN'], { description: 'The `X-Frame-Options`.' })),
          permissions: Type.Optional(Type.String({ ...VALUE, description: 'The `Permissions-Policy`.' })),
          remove: Type.Optional(
            Type.Array(Type.String(), {
              maxItems: 64,
              description:
                'Headers of nodes that clients do not get. Those of `routes.defaults` are removed too. Absent: `server` and `x-powered-by`.',
            }),
          ),
        },
        { minProperties: 1, title: 'security headers' },
      ),
    ],
    {
      description:
        'Headers by which browsers protect users, where the node has set none ([securityHeaders](policies/security-headers.md)): `"api"`, `"web"`, or an object such as `{"preset": "web", "hstsSeconds": 31536000}`.',
    },
  ),
  adds: true,
  *problems(rule) {
    const { remove, hstsSeconds = 0, hstsSubdomains } = membersOf(rule)
    for (const [index, name] of textsOf(remove)) {
      const message = TOKEN.test(name) ? reservedInAnswers(name.toLowerCase()) : 'is not a valid header name'
      if (message !== undefined) yield { path: ['remove', index], message }
    }
    if (hstsSubdomains === true && hstsSeconds === 0)
      yield { path: ['hstsSubdomains'], message: 'means nothing without hstsSeconds' }
  },
})
