import Type from 'typebox'
import { count, secret, section, text, textOrList } from './values.ts'

/** The signature algorithms of RFC 7518 section 3 that a token may use; `none` is not one of them. */
const ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
] as const

export type Algorithm = (typeof ALGORITHMS)[number]

export const JwtSection = section(
  {
    secret: Type.Optional(secret('Secret that tokens are signed with (HS256 and its family).')),
    secretFile: Type.Optional(text('File with that secret; one newline at its end does not count.')),
    publicKeyFile: Type.Optional(
      text('File with the public key or certificate (PEM) that verifies tokens (RS, PS and ES families).'),
    ),
    privateKeyFile: Type.Optional(
      text('File with the private key (PEM) that `waygate token` signs with. The gateway never reads it.'),
    ),
    algorithms: Type.Optional(
      Type.Array(Type.Enum(ALGORITHMS), {
        minItems: 1,
        uniqueItems: true,
        description: 'Accepted signature algorithms. Absent: those that the key is made for.',
      }),
    ),
    issuer: Type.Optional(textOrList('Accepted `iss`, one or a list. Absent: any.')),
    audience: Type.Optional(textOrList('Accepted `aud`, one or a list. Absent: any.')),
    clockToleranceSeconds: Type.Integer({
      default: 5,
      minimum: 0,
      maximum: 3_600,
      description: 'How far clocks may be apart when `exp` and `nbf` are judged.',
    }),
    requireExpiry: Type.Boolean({
      default: true,
      description: 'Whether a token without `exp` is refused: it could never be taken back.',
    }),
    rolesClaim: text(
      'Claim with the roles, a list or words separated by spaces; dots lead inwards, as in `realm_access.roles`.',
      { default: 'roles' },
    ),
    scopeClaim: text('Claim with the scopes, a list or words separated by spaces (RFC 8693 section 4.2).', {
      default: 'scope',
    }),
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
    cacheSize: count(
      10_000,
      'Verified tokens that are remembered until they expire, to save the signature check. 0: none.',
    ),
  },
  'How tokens are verified. Without a key, routes that do not ask for a token are open.',
)
