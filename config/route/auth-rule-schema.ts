import type { Static } from 'typebox'
import { Type } from '../kit/type.ts'
import { closed } from '../kit/values.ts'

const NAME_LIST = Type.Array(Type.String({ minLength: 1, pattern: '^\\S+$', title: 'one word' }))
const CLAIM_VALUE = Type.Union([Type.String(), Type.Number(), Type.Boolean()])

/** Requirements on the identity that an authenticator has found. */
function grants(description: string) {
  return Type.Optional(
    closed(
      {
        scopes: Type.Optional(
          Type.Unsafe<string[]>({ ...NAME_LIST, description: 'Scopes that must all be granted.' }),
        ),
        roles: Type.Optional(
          Type.Unsafe<string[]>({ ...NAME_LIST, description: 'Roles of which at least one must be held.' }),
        ),
        claims: Type.Optional(
          Type.Record(
            Type.String(),
            Type.Union([...CLAIM_VALUE.anyOf, Type.Array(CLAIM_VALUE, { minItems: 1 })]),
            {
              description:
                'Claims and the value, or the list of values, that each must have. A claim that is a list must contain one of the values. Claims are named like `jwt.rolesClaim`.',
            },
          ),
        ),
      },
      { description },
    ),
  )
}

const Granting = closed(
  {
    jwt: grants('A valid token that meets these requirements.'),
    'api-key': grants('A known API key that meets these requirements.'),
    basic: grants('A user with a password who meets these requirements.'),
    mtls: Type.Optional(
      closed(
        {
          subjects: Type.Optional(
            Type.Array(Type.String({ minLength: 1 }), {
              minItems: 1,
              description:
                'Subjects of certificates (RFC 4514), such as `CN=billing,O=Example`, of which one must match.',
            }),
          ),
          sans: Type.Optional(
            Type.Array(Type.String({ minLength: 1 }), {
              minItems: 1,
              description:
                'Subject alternative names, such as `billing.example`, `spiffe://example/billing` or `EMAIL:a@example.com`, of which the certificate must have one.',
            }),
          ),
        },
        { description: 'A client certificate that meets these requirements.' },
      ),
    ),
  },
  {
    minProperties: 1,
    maxProperties: 1,
    title: 'jwt, api-key, basic or mtls with requirements',
  },
)

const NAMES = [
  Type.Literal('jwt'),
  Type.Literal('api-key'),
  Type.Literal('basic'),
  Type.Literal('mtls'),
] as const

/** The schema of the field `auth` of a route document. */
export const RouteAuthRule = Type.Union(
  [
    ...NAMES,
    Type.Literal('none'),
    Granting,
    Type.Array(Type.Union([...NAMES, Granting]), {
      minItems: 1,
      title: 'a list of authenticators of which one must succeed',
    }),
  ],
  {
    description:
      'Who may call the route ([authentication](authentication.md)): `"jwt"` (anyone with a valid token), `"api-key"`, `"basic"`, `"mtls"` (anyone with a client certificate) or `"none"` (anyone); an object such as `{"jwt": {"scopes": [...], "roles": [...], "claims": {...}}}`, which requires all scopes, one of the roles and all claims; or a list of these of which one must succeed. Absent: `"jwt"` if a key is configured, otherwise `"none"`.',
  },
)

export type RouteAuthRule = Static<typeof RouteAuthRule>
