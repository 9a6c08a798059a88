import { ALGORITHMS } from '../kit/key-algorithms.ts'
import { Type } from '../kit/type.ts'
import {
  closed,
  count,
  DASHED_HEADER,
  SECRET_FILE,
  secret,
  section,
  TIME_PATTERN,
  TOKEN_PATTERN,
  text,
  textOrList,
} from '../kit/values.ts'

// Shared by `jwt` and the entries of `jwt.issuers`. The variables set fields of `jwt` only: none leads into a list.
const KEY = {
  secret: Type.Optional(
    secret('Secret that verifies tokens (HS256, HS384, HS512).', {
      env: 'WAYGATE_JWT_SECRET',
      neverEmpty: true,
    }),
  ),
  secretFile: SECRET_FILE,
  publicKeyFile: Type.Optional(
    text(
      'File with the public key or certificate (PEM) that verifies tokens (RS, PS and ES families, EdDSA).',
      { env: 'WAYGATE_JWT_PUBLIC_KEY_FILE', neverEmpty: true, isPath: true, insteadOf: 'secret' },
    ),
  ),
  algorithms: Type.Optional(
    Type.Array(Type.Enum(ALGORITHMS), {
      minItems: 1,
      uniqueItems: true,
      description: 'Accepted signature algorithms. Absent: all that fit the key.',
      env: 'WAYGATE_JWT_ALGORITHMS',
      neverEmpty: true,
    }),
  ),
}

const COOKIE_NAME = Type.String({
  pattern: TOKEN_PATTERN,
  title: 'a cookie name',
  description:
    'Cookie that may hold the token instead of the `Authorization` header. It is removed before the request is forwarded. Absent: none.',
})

const QUERY_PARAMETER = Type.String({
  pattern: '^[A-Za-z0-9._~-]+$',
  title: 'a name of A-Z a-z 0-9 . _ ~ -',
  description:
    'Query parameter that may hold the token instead of the `Authorization` header, such as `access_token`. It is removed before the request is forwarded. Absent: none.',
})

const maxLifetime = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 315_360_000, description }))

const FormerKey = closed(
  {
    secret: KEY.secret,
    secretFile: KEY.secretFile,
    publicKeyFile: KEY.publicKeyFile,
    algorithms: KEY.algorithms,
    until: Type.Optional(
      Type.String({
        pattern: TIME_PATTERN,
        title: 'a time such as 2030-01-31T12:00:00Z',
        description: 'When tokens of this key stop being accepted. Absent: when it is taken out of the list.',
      }),
    ),
  },
  { title: 'a former key' },
)

const FORMER_KEYS = Type.Array(FormerKey, {
  default: [],
  maxItems: 8,
  description:
    'Keys from before the present one, whose tokens are still accepted ([rotation](reload.md#rotating-the-key-of-tokens)). Each is exactly one of `secret`, `secretFile` and `publicKeyFile`. Nothing is signed with them.',
})

const Issuer = closed(
  {
    issuer: text('The `iss` claim of its tokens.'),
    audience: Type.Optional(textOrList('Accepted `aud`, one or a list. Absent: `jwt.audience`.')),
    ...KEY,
    jwksUrl: Type.Optional(
      text(
        'URL of its public keys (a JWK Set, RFC 7517): https, or http on loopback. Redirects are refused.',
      ),
    ),
    previous: FORMER_KEYS,
    requireExpiry: Type.Optional(
      Type.Boolean({
        description: 'Whether a token without `exp` is refused. Absent: `jwt.requireExpiry`.',
      }),
    ),
    maxLifetimeSeconds: maxLifetime('Largest time from `iat` to `exp`. Absent: `jwt.maxLifetimeSeconds`.'),
    rolesClaim: Type.Optional(text('Claim with the roles. Absent: `jwt.rolesClaim`.')),
    scopeClaim: Type.Optional(text('Claim with the scopes. Absent: `jwt.scopeClaim`.')),
  },
  {
    description:
      'An issuer. Its key is exactly one of `secret`, `secretFile`, `publicKeyFile` and `jwksUrl`.',
  },
)

export const JwtSection = section(
  {
    secret: KEY.secret,
    secretFile: KEY.secretFile,
    publicKeyFile: KEY.publicKeyFile,
    previous: FORMER_KEYS,
    privateKeyFile: Type.Optional(
      text('File with the private key (PEM) that `waygate token` signs with. The gateway never reads it.', {
        isPath: true,
      }),
    ),
    algorithms: KEY.algorithms,
    issuer: Type.Optional(
      textOrList('Accepted `iss`, one or a list. Absent: any issuer.', {
        env: 'WAYGATE_JWT_ISSUER',
        neverEmpty: true,
      }),
    ),
    audience: Type.Optional(
      textOrList('Accepted `aud`, one or a list. Absent: any audience.', {
        env: 'WAYGATE_JWT_AUDIENCE',
        neverEmpty: true,
      }),
    ),
    issuers: Type.Array(Issuer, {
      default: [],
      description:
        'Issuers with keys of their own, in addition to the key above. The `iss` of a token decides whose rules apply.',
    }),
    clockToleranceSeconds: Type.Integer({
      default: 5,
      minimum: 0,
      maximum: 3_600,
      description:
        'How far the clocks of issuer and gateway may differ when `exp`, `nbf` and `iat` are checked.',
    }),
    requireExpiry: Type.Boolean({
      default: true,
      description: 'Whether a token without `exp` is refused. Such a token would be valid indefinitely.',
    }),
    maxLifetimeSeconds: maxLifetime(
      'Largest time from `iat` to `exp`. A token that lives longer is refused, and so is one without `iat`. Absent: no limit.',
    ),
    cookie: Type.Optional(COOKIE_NAME),
    queryParameter: Type.Optional(QUERY_PARAMETER),
    rolesClaim: text(
      'Claim with the roles, a list or words separated by spaces. Dots lead into nested objects, as in `realm_access.roles`, and so does a JSON path, as in `$.realms[0].roles`.',
      { default: 'roles' },
    ),
    scopeClaim: text(
      'Claim with the scopes, a list or words separated by spaces (RFC 8693 section 4.2). With the default `scope`, a token without that claim may have `scp` instead.',
      { default: 'scope' },
    ),
    claimHeaders: Type.Record(Type.String(), Type.String(DASHED_HEADER), {
      default: { sub: 'x-user-id' },
      description:
        'Claims that are forwarded to the node as headers, `claim: header`. Headers of these names that a client sends are removed. A map of your own replaces the whole default.',
    }),
    jwks: section(
      {
        refreshSeconds: Type.Integer({
          default: 300,
          minimum: 10,
          maximum: 86_400,
          description:
            'Seconds between two fetches of a key set. A key that is no longer in the set stops being accepted.',
        }),
        cooldownSeconds: Type.Integer({
          default: 30,
          minimum: 1,
          maximum: 3_600,
          description: 'Shortest time between two fetches caused by tokens with an unknown `kid`, seconds.',
        }),
      },
      'Fetching of the key sets at `jwksUrl`.',
    ),
    revocations: section(
      {
        enabled: Type.Boolean({
          default: false,
          description: 'Whether tokens whose `jti` is a key below `prefix` in etcd are refused.',
        }),
        prefix: text(
          'Prefix of the etcd keys whose names are the `jti` of revoked tokens. Their values are ignored.',
          {
            default: '/waygate/revocations/',
          },
        ),
      },
      'Tokens that are revoked before they expire.',
      { reload: 'workers' },
    ),
    cacheSize: count(
      10_000,
      'Number of verified tokens that are remembered until they expire, which saves the signature check. 0: none.',
    ),
  },
  'Verification of tokens ([authentication](authentication.md)). Without a key, routes without `auth` are open to everyone.',
  { reload: 'live' },
)
