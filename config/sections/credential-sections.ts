import { Type } from '../kit/type.ts'
import { closed, DASHED_HEADER, section, text } from '../kit/values.ts'

export const ApiKeysSection = section(
  {
    enabled: Type.Boolean({
      default: false,
      description: 'Whether routes may ask for API keys. If so, the gateway reads them from etcd.',
      reload: 'workers',
    }),
    prefix: text(
      'Prefix of the etcd keys that are API keys. The name of such a key is the SHA-256 of the API key in hexadecimal, and its value says who owns it. `waygate api-key` creates them.',
      { default: '/waygate/api-keys/', reload: 'workers' },
    ),
    header: Type.String({
      default: 'x-api-key',
      ...DASHED_HEADER,
      description: 'Header in which a client sends its key. A key that was accepted is not forwarded.',
    }),
  },
  'API keys ([authentication](authentication.md)).',
  { reload: 'live' },
)

const User = closed({
  password: Type.String({
    minLength: 1,
    writeOnly: true,
    description: 'Hash of the password, as printed by `waygate hash-password`.',
  }),
  scopes: Type.Optional(Type.Array(Type.String(), { description: 'Scopes granted to the user.' })),
  roles: Type.Optional(Type.Array(Type.String(), { description: 'Roles held by the user.' })),
})

export const BasicSection = section(
  {
    users: Type.Record(Type.String(), User, {
      default: {},
      description: 'Users by name, each with a `password` (a hash) and optional `scopes` and `roles`.',
    }),
    usersFile: Type.Optional(
      text(
        'File with more users, one `name:hash` per line. `#` begins a comment. These users have no scopes and no roles.',
        { isPath: true },
      ),
    ),
  },
  'Users with passwords (Basic authentication, RFC 7617).',
  { reload: 'live' },
)
