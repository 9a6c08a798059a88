import Type from 'typebox'

const NAME_LIST = Type.Array(Type.String({ minLength: 1, pattern: '^\\S+$', title: 'one word' }))
const CLAIM_VALUE = Type.Union([Type.String(), Type.Number(), Type.Boolean()])

/** What must have been granted, whoever says so. */
function grants(description: string) {
  return Type.Optional(
    Type.Object(
      {
        scopes: Type.Optional(
          Type.Unsafe<string[]>({ ...NAME_LIST, description: 'Scopes of which all must be granted.' }),
        ),
        roles: Type.Optional(
          Type.Unsafe<string[]>({ ...NAME_LIST, description: 'Roles of which one must be held.' }),
        ),
        claims: Type.Optional(
          Type.Record(
            Type.String(),
            Type.Union([...CLAIM_VALUE.anyOf, Type.Array(CLAIM_VALUE, { minItems: 1 })]),
            {
              description:
                'Claims that must have that value, or one of a list of them; a claim that is a list must hold one. Named as `jwt.rolesClaim` is.',
            },
          ),
        ),
      },
      { additionalProperties: false, description },
    ),
  )
}

const Granting = Type.Object(
  {
    jwt: grants('A valid token, and what it must grant.'),
    'api-key': grants('A known API key, and what it must grant.'),
    basic: grants('A user with a password, and what must be granted.'),
  },
  {
    additionalProperties: false,
    minProperties: 1,
    maxProperties: 1,
    title: 'one of jwt, api-key and basic with what must be granted',
  },
)

const NAMES = [Type.Literal('jwt'), Type.Literal('api-key'), Type.Literal('basic')] as const

/** The field `auth` of a route document. */
export const RouteAuthRule = Type.Union(
  [
    ...NAMES,
    Type.Literal('none'),
    Granting,
    Type.Array(Type.Union([...NAMES, Granting]), {
      minItems: 1,
      title: 'a list of ways of which one must succeed',
    }),
  ],
  {
    description:
      'Who may call: `"jwt"` (a valid token), `"api-key"`, `"basic"`, `"none"` (everybody), an object such as `{"jwt": {"scopes": [...], "roles": [...], "claims": {...}}}` (all scopes, one of the roles, all claims), or a list of these of which one must succeed ([authentication](authentication.md)). Absent: `"jwt"` when a key is configured, else `"none"`.',
  },
)

export type RouteAuthRule = Type.Static<typeof RouteAuthRule>
