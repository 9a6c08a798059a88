import { Type } from '../kit/type.ts'
import { closed, section } from '../kit/values.ts'

const maxNodes = (description: string, annotations = {}) =>
  Type.Integer({ minimum: 1, maximum: 100_000, description, ...annotations })

const AdminToken = closed(
  {
    sha256: Type.String({
      pattern: '^[0-9a-f]{64}$',
      title: 'a SHA-256 hash in lower-case hexadecimal, as printed by `waygate admin-token`',
      description: 'Hash of the token.',
    }),
    role: Type.Enum(['metrics', 'register', 'read', 'operate'], {
      description:
        'What the token may do. `metrics`: read `/metrics`. `register`: register and remove nodes by HTTP, and read nothing. `read`: read everything, with the clients and users of requests masked. `operate`: read everything, verify credentials in `explain`, and write.',
    }),
    services: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description: 'With the role `register`: the services whose nodes it may register. Absent: all.',
      }),
    ),
    maxNodes: Type.Optional(
      maxNodes('How many nodes it may keep registered by HTTP. Absent: `admin.maxNodes`.'),
    ),
  },
  { title: 'a token' },
)

export const AdminSection = section(
  {
    tokens: Type.Record(Type.String(), AdminToken, {
      default: {},
      description:
        'Further tokens of the admin listener, by the name of who has them. `waygate admin-token` makes one.',
    }),
    maxNodes: maxNodes(
      'How many nodes each token may keep registered by HTTP. Each gateway counts those that it hears of. Further ones are refused, and those that are there go on.',
      { default: 1_000 },
    ),
    hosts: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Names, without ports, under which the admin listener may be called without a token, besides `localhost`, `adminHost` and every IP address. Others are refused with 421, because a web page can let its name resolve to this machine (DNS rebinding).',
      env: 'WAYGATE_ADMIN_HOSTS',
    }),
    dashboard: Type.Boolean({
      default: true,
      description: 'Whether the admin listener serves the page that shows the gateway, at `/`.',
    }),
    tail: Type.Boolean({
      default: true,
      description:
        'Whether the last requests are remembered and those in flight listed, for the admin API. Neither queries nor headers nor bodies are. Counts and times are kept in any case.',
      reload: 'workers',
    }),
  },
  'The admin listener.',
  { reload: 'live' },
)

export const MetricsSection = section(
  {
    labels: section(
      {
        node: Type.Boolean({
          default: true,
          description:
            'Whether each node has series of its own. If not, they are merged by service: counters and requests in flight are sums, of breakers and health the worst is shown. For tables with thousands of nodes, since `/metrics` has at most 50,000 series ([observability](observability.md#many-nodes)).',
        }),
      },
      'The labels of the metrics.',
    ),
  },
  'What `/metrics` shows.',
  { reload: 'live' },
)
