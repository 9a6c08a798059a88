import { Type } from '../kit/type.ts'
import { closed, count, section, text } from '../kit/values.ts'

const StoreTls = closed(
  {
    caFile: Type.Optional(
      text('File with the CA certificates (PEM) that verify the certificate of the store.', { isPath: true }),
    ),
    certFile: Type.Optional(
      text('File with the client certificate (PEM). Requires `keyFile`.', { isPath: true }),
    ),
    keyFile: Type.Optional(text('File with the private key (PEM) of `certFile`.', { isPath: true })),
  },
  {
    description: 'TLS with the store. Only with addresses that begin with `rediss://`.',
  },
)

const LimitStore = closed(
  {
    url: Type.Optional(
      text('Address of a Redis or Valkey, `redis://HOST:PORT/DATABASE`, or `rediss://` with TLS.', {
        env: 'WAYGATE_LIMIT_STORE_URL',
      }),
    ),
    urls: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description: 'Addresses of some nodes of a cluster, instead of `url`. Requires `cluster: true`.',
      }),
    ),
    cluster: Type.Boolean({ default: false, description: 'Whether the store is a cluster.' }),
    username: Type.Optional(text('User name for the store.')),
    passwordFile: Type.Optional(
      text('File with the password. One newline at its end is ignored.', { isPath: true }),
    ),
    tls: Type.Optional(StoreTls),
    timeoutMs: Type.Integer({
      default: 25,
      minimum: 1,
      maximum: 10_000,
      description:
        'How long a request waits for the store, milliseconds. After that the rule says what happens (`onStoreDown`).',
    }),
    retryMs: Type.Integer({
      default: 1_000,
      minimum: 100,
      maximum: 60_000,
      description: 'How often a store that does not answer is asked whether it does again, milliseconds.',
    }),
    prefix: text('Begins every key in the store.', { default: 'waygate:' }),
  },
  {
    description:
      'The store in which gateways count together, for rules with `"store": "shared"`. Absent: there is none.',
  },
)

export const RateLimitsSection = section(
  {
    store: Type.Optional(LimitStore),
    expectedGateways: count(
      1,
      'How many gateways use the store. While it is away, each process counts by itself, and a limit is divided by the number of gateways and of their workers.',
      1,
      { reload: 'live' },
    ),
    localKeys: Type.Integer({
      default: 100_000,
      minimum: 1_000,
      maximum: 10_000_000,
      description:
        'How many keys, such as addresses, each process counts in its own memory, of all rules together. Beyond it, keys that were not asked for lately are forgotten, and count from 0 again.',
    }),
    headers: Type.Enum(['draft', 'x-ratelimit', 'none'], {
      default: 'draft',
      description:
        'How clients are told of their limits. `draft`: in `RateLimit` and `RateLimit-Policy`, as an Internet draft has them. `x-ratelimit`: in `X-RateLimit-Limit`, `-Remaining` and `-Reset`, of one rule. `none`: not at all.',
      reload: 'live',
    }),
    clock: Type.Enum(['store', 'gateway'], {
      default: 'store',
      description:
        'Whose clock counts for shared limits. `gateway` is for hosted stores that do not tell the time; the clocks of the gateways must agree then.',
    }),
  },
  'Limits that routes set for their clients with `rateLimit` and `quota` ([rate limits](policies/rate-limit.md)).',
  { reload: 'workers' },
)
