import Type from 'typebox'
import { ALGORITHMS } from '../kit/key-algorithms.ts'
import { count, secret, section, text, textOrList } from '../kit/values.ts'

// Shared by `jwt` and the entries of `jwt.issuers`; a variable sets the field of `jwt`, since none leads into a list.
const KEY = {
  secret: Type.Optional(
    secret('Secret that tokens are signed with (HS256 and its family).', {
      env: 'WAYGATE_JWT_SECRET',
      neverEmpty: true,
    }),
  ),
  secretFile: Type.Optional(
    text('File with that secret; one newline at its end does not count.', {
      isPath: true,
      insteadOf: 'secret',
    }),
  ),
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
      description: 'Accepted signature algorithms. Absent: those that the key is made for.',
      env: 'WAYGATE_JWT_ALGORITHMS',
      neverEmpty: true,
    }),
  ),
}

const COOKIE_NAME = Type.String({
  // RFC 6265 section 4.1.1.
  pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
  title: 'the name of a cookie',
  description:
    'A cookie that may hold the token as well. It is taken out before the request is forwarded. Absent: none.',
})

const QUERY_PARAMETER = Type.String({
  pattern: '^[A-Za-z0-9._~-]+$',
  title: 'a name of A-Z a-z 0-9 . _ ~ -',
  description:
    'A query parameter that may hold the token as well, such as `access_token`. It is taken out before the request is forwarded. Absent: none.',
})

const maxLifetime = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: 315_360_000, description }))

const Issuer = Type.Object(
  {
    issuer: text('The `iss` of its tokens.'),
    audience: Type.Optional(textOrList('Accepted `aud`, one or a list. Absent: as `jwt.audience` says.')),
    ...KEY,
    jwksUrl: Type.Optional(
      text(
        'Where its public keys are (a JWK Set, RFC 7517): https, or http on loopback. Redirects are refused.',
      ),
    ),
    requireExpiry: Type.Optional(
      Type.Boolean({
        description: 'Whether a token without `exp` is refused. Absent: as `jwt.requireExpiry` says.',
      }),
    ),
    maxLifetimeSeconds: maxLifetime('From `iat` to `exp` at most. Absent: as `jwt.maxLifetimeSeconds` says.'),
    rolesClaim: Type.Optional(text('Claim with the roles. Absent: as `jwt.rolesClaim` says.')),
    scopeClaim: Type.Optional(text('Claim with the scopes. Absent: as `jwt.scopeClaim` says.')),
  },
  {
    additionalProperties: false,
    description:
      'An issuer. Exactly one of `secret`, `secretFile`, `publicKeyFile` and `jwksUrl` is its key.',
  },
)

export const JwtSection = section(
  {
    secret: KEY.secret,
    secretFile: KEY.secretFile,
    publicKeyFile: KEY.publicKeyFile,
    privateKeyFile: Type.Optional(
      text('File with the private key (PEM) that `waygate token` signs with. The gateway never reads it.', {
        isPath: true,
      }),
    ),
    algorithms: KEY.algorithms,
    issuer: Type.Optional(
      textOrList('Accepted `iss`, one or a list. Absent: any.', {
        env: 'WAYGATE_JWT_ISSUER',
        neverEmpty: true,
      }),
    ),
    audience: Type.Optional(
      textOrList('Accepted `aud`, one or a list. Absent: any.', {
        env: 'WAYGATE_JWT_AUDIENCE',
        neverEmpty: true,
      }),
    ),
    issuers: Type.Array(Issuer, {
      default: [],
      description:
        'Issuers with keys of their own, beside the key above. Which one judges a token is told by its `iss`.',
    }),
    clockToleranceSeconds: Type.Integer({
      default: 5,
      minimum: 0,
      maximum: 3_600,
      description: 'How far clocks may be apart when `exp`, `nbf` and `iat` are judged.',
    }),
    requireExpiry: Type.Boolean({
      default: true,
      description: 'Whether a token without `exp` is refused: it could never be taken back.',
    }),
    maxLifetimeSeconds: maxLifetime(
      'From `iat` to `exp` at most; a longer-lived token is refused, and so is one without `iat`. Absent: no limit.',
    ),
    cookie: Type.Optional(COOKIE_NAME),
    queryParameter: Type.Optional(QUERY_PARAMETER),
    rolesClaim: text(
      'Claim with the roles, a list or words separated by spaces; dots lead inwards, as in `realm_access.roles`, and so does a JSON path, as in `$.realms[0].roles`.',
      { default: 'roles' },
    ),
    scopeClaim: text(
      'Claim with the scopes, a list or words separated by spaces (RFC 8693 section 4.2). With `scope`, a token without it is asked for `scp`.',
      { default: 'scope' },
    ),
    claimHeaders: Type.Record(
      Type.String(),
      Type.String({
        pattern: "^[!#$%&'*+.^`|~0-9a-zA-Z-]+$",
        title: 'a header name, without underscore',
      }),
      {
        default: { sub: 'x-user-id' },
        description:
          'Claims that the node sees as headers, `claim: header`. Client-sent copies of these headers never pass. A map of your own replaces the default whole.',
      },
    ),
    jwks: section(
      {
        refreshSeconds: Type.Integer({
          default: 300,
          minimum: 10,
          maximum: 86_400,
          description: 'How often key sets are fetched anew; a key that is no longer in them counts no more.',
        }),
        cooldownSeconds: Type.Integer({
          default: 30,
          minimum: 1,
          maximum: 3_600,
          description: 'Between two fetches that tokens with an unknown `kid` cause, at least.',
        }),
      },
      'How the key sets at `jwksUrl` are fetched.',
    ),
    revocations: section(
      {
        enabled: Type.Boolean({
          default: false,
          description: 'Whether tokens are refused whose `jti` is a key below `prefix` in etcd.',
        }),
        prefix: text('Keys below this prefix are the `jti` of revoked tokens; their values do not count.', {
          default: '/waygate/revocations/',
        }),
      },
      'Tokens that were taken back before they expire.',
    ),
    cacheSize: count(
      10_000,
      'Verified tokens that are remembered until they expire, to save the signature check. 0: none.',
    ),
  },
  'How tokens are verified. Without a key, routes that do not ask for a token are open.',
)
