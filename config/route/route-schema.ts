import Type from 'typebox'
import { NAME_PATTERN, name } from '../kit/values.ts'
import { RouteAuthRule } from './auth-rule-schema.ts'
import { balancerRule } from './balancer-rule.ts'
import { HealthCheckOrNone } from './health-check.ts'
import {
  BreakerSchema,
  HedgeSchema,
  retryBuffer,
  retryOn,
  ServiceLimitSchema,
  StaleFallback,
  TIMEOUT,
  tryTimeout,
} from './resilience-schema.ts'

const METHOD = Type.String({
  // RFC 9110 section 5.6.2 `token`, without lower case: methods are case-sensitive, and `get` is never meant.
  pattern: "^[!#$%&'*+.^_`|~0-9A-Z-]+$",
  title: 'a method name in upper case, such as GET',
})

const HOST = Type.String({
  pattern:
    '^(?:\\*\\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$',
  title: 'a host name without port, or *. and a host name',
  maxLength: 253,
})

const StaticFallback = Type.Object(
  {
    status: Type.Integer({ minimum: 200, maximum: 599, description: 'Status of the answer.' }),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'Headers of the answer.' }),
    ),
    body: Type.Optional(
      Type.String({ description: 'Body of the answer, as it is sent. Name its type in `headers`.' }),
    ),
  },
  { additionalProperties: false, title: 'fixed answer' },
)

const ServiceFallback = Type.Object(
  { service: name('Another service that answers instead.') },
  { additionalProperties: false, title: 'other service' },
)

export const SLOW_START = { minimum: 0, maximum: 3_600_000 } as const
export const RETRIES = { minimum: 0, maximum: 10 } as const

/** A route document: the value of an etcd key below the routes prefix, or an entry of `routes.documents`. */
export const RouteDocument = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      maxLength: 2048,
      description:
        'Which paths: literal segments, `:param` for one segment, one trailing `*` for the rest. The most specific path wins.',
    }),
    methods: Type.Optional(
      Type.Array(METHOD, {
        minItems: 1,
        uniqueItems: true,
        description: 'Which methods; not `*`. Absent: all.',
      }),
    ),
    hosts: Type.Optional(
      Type.Array(HOST, {
        minItems: 1,
        description: 'Which hosts, without port; `*.example.org` is any name below it. Absent: all.',
      }),
    ),
    service: name('The service whose nodes answer.'),
    stripPrefix: Type.Optional(
      Type.String({
        description:
          'Whole leading literal segments of `path` that the node does not see: with `/api`, `/api/users` arrives as `/users`.',
      }),
    ),
    auth: Type.Optional(RouteAuthRule),
    timeoutMs: Type.Optional(
      Type.Integer({
        ...TIMEOUT,
        description:
          "Milliseconds from the request's arrival to the head of the answer, over all tries. Absent: `routes.defaults.timeoutMs`.",
      }),
    ),
    bodyIdleTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2_147_483_647,
        description:
          'Milliseconds of silence in the body of an answer after which it is given up; 0: never. Absent: `upstream.bodyIdleTimeoutMs`.',
      }),
    ),
    retries: Type.Optional(
      Type.Integer({
        ...RETRIES,
        description:
          'Further tries after the first, each on a node not tried yet; only for requests that are safe to repeat. Absent: `routes.defaults.retries`.',
      }),
    ),
    tryTimeoutMs: Type.Optional(
      tryTimeout(
        'Milliseconds that one try may take to the head of its answer. Absent: `routes.defaults.tryTimeoutMs`.',
      ),
    ),
    retryOn: Type.Optional(
      retryOn({
        description:
          'Statuses of answers for which another node is asked, where the method is idempotent. Absent: `routes.defaults.retryOn`.',
      }),
    ),
    retryBufferBytes: Type.Optional(
      retryBuffer({
        description:
          'Bodies up to this are kept while they are sent, so that they can be sent again, where the method is idempotent. Absent: `routes.defaults.retryBufferBytes`.',
      }),
    ),
    hedge: Type.Optional(HedgeSchema),
    breaker: Type.Optional(BreakerSchema),
    healthCheck: Type.Optional(HealthCheckOrNone),
    serviceLimit: Type.Optional(ServiceLimitSchema),
    balancer: Type.Optional(
      balancerRule({
        description:
          'How a node is picked: a name, or a name and what it goes by, such as `{"consistent-hash": {"header": "x-tenant"}}` ([balancing](balancing.md)). Absent: `routes.defaults.balancer`.',
      }),
    ),
    slowStartMs: Type.Optional(
      Type.Integer({
        ...SLOW_START,
        description:
          'Milliseconds in which a new or recovered node comes from a tenth of its weight to the whole. Absent: `routes.defaults.slowStartMs`.',
      }),
    ),
    priority: Type.Optional(
      Type.Integer({
        minimum: -1_000_000,
        maximum: 1_000_000,
        description: 'The larger wins between routes with the same path, methods and hosts. Absent: 0.',
      }),
    ),
    fallback: Type.Optional(
      Type.Union([StaticFallback, ServiceFallback, StaleFallback], {
        description:
          'What answers when no node of the service can: `{"status", "headers", "body"}`, `{"service"}` for another service, or `{"stale": true}` for the last good answer. Absent: the error.',
      }),
    ),
    maxBodyBytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          'Largest request body; more is answered 413. 0: no limit. Absent: `clientLimits.bodyBytes`.',
      }),
    ),
    allowEncodedSlash: Type.Optional(
      Type.Boolean({
        description:
          'Whether a path may have an encoded slash (`%2F`), for services whose ids have slashes. It never separates segments here, and arrives as it came; a node that decodes it first would see another path than the one that was routed. Absent: false, such a path is answered 400.',
      }),
    ),
    preserveHost: Type.Optional(
      Type.Boolean({
        description:
          "Whether the node sees the client's Host header instead of its own address. Absent: false.",
      }),
    ),
  },
  {
    additionalProperties: false,
    title: 'route document',
    description: 'Which requests go to which service, and under which rules.',
  },
)

/** A route document as it is written. */
export type RouteDocument = Type.Static<typeof RouteDocument>

/** Route documents by id. */
export const RouteDocuments = Type.Record(Type.String(), RouteDocument, {
  propertyNames: { type: 'string', pattern: NAME_PATTERN },
  default: {},
  description: 'Routes by id, next to those in etcd. A document in etcd with the same id wins.',
})
