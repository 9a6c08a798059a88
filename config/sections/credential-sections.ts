import Type from 'typebox'
import { section, text } from '../kit/values.ts'

export const ApiKeysSection = section(
  {
    enabled: Type.Boolean({
      default: false,
      description: 'Whether routes may ask for API keys, which are then read from etcd.',
    }),
    prefix: text(
      'Keys below this prefix are API keys: the SHA-256 of a key in hexadecimal, and who owns it. `waygate api-key` makes them.',
      { default: '/waygate/api-keys/' },
    ),
    header: Type.String({
      default: 'x-api-key',
      pattern: "^[!#$%&'*+.^`|~0-9a-zA-Z-]+$",
      title: 'a header name, without underscore',
      description: 'Header that a client sends its key in. A key that was accepted is not forwarded.',
    }),
  },
  'API keys.',
)

const User = Type.Object(
  {
    password: Type.String({
      minLength: 1,
      writeOnly: true,
      description: 'The hash of the password, as `waygate hash-password` prints it.',
    }),
    scopes: Type.Optional(Type.Array(Type.String(), { description: 'Scopes that the user is granted.' })),
    roles: Type.Optional(Type.Array(Type.String(), { description: 'Roles that the user holds.' })),
  },
  { additionalProperties: false },
)

export const BasicSection = section(
  {
    users: Type.Record(Type.String(), User, {
      default: {},
      description: 'Users by name, each with `password` (a hash), and `scopes` and `roles` if wanted.',
    }),
    usersFile: Type.Optional(
      text(
        'File with more users, a line `name:hash` for each; `#` begins a comment. They have no scopes and no roles.',
        { isPath: true },
      ),
    ),
  },
  'Users with passwords (RFC 7617).',
)
