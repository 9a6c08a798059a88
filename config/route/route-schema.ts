import type { Static } from 'typebox'
import { Type } from '../kit/type.ts'
import { closed, MAX_TIMER_MS, METHOD, NAME_PATTERN, name } from '../kit/values.ts'
import { nodeSelector } from '../policies/node-selector.ts'
import { documentPolicyFields } from '../policies/policies.ts'
import { RouteAuthRule } from './auth-rule-schema.ts'
import { balancerRule } from './balancer-rule.ts'
import { GrpcSchema } from './grpc-schema.ts'
import { HealthCheckOrNone } from './health-check.ts'
import { MATCH_RULE_FIELDS } from './match-rule.ts'
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
import { UpstreamTlsSchema } from './upstream-tls.ts'

const HOST = Type.String({
  pattern:
    '^(?:\\*\\.)?[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$',
  title: 'a host name without port, or *. and a host name',
  maxLength: 253,
})

const StaticFallback = closed(
  {
    status: Type.Integer({ minimum: 200, maximum: 599, description: 'The status of the answer.' }),
    headers: Type.Optional(
      Type.Record(Type.String(), Type.String(), { description: 'The headers of the answer.' }),
    ),
    body: Type.Optional(
      Type.String({
        description: 'The body of the answer, sent as it is. Set its `content-type` in `headers`.',
      }),
    ),
  },
  { title: 'fixed answer' },
)

const ServiceFallback = closed(
  { service: name('The service that answers instead.') },
  { title: 'other service' },
)

export const SLOW_START = { minimum: 0, maximum: 3_600_000 } as const
export const RETRIES = { minimum: 0, maximum: 10 } as const

/** Whether, and how, references in answers are rewritten. */
export function rewriteLocation(options: { readonly default?: true; readonly description: string }) {
  return Type.Union([Type.Boolean(), Type.Literal('always')], options)
}

/** The schema of a route document: the value of an etcd key below the routes prefix, or an entry of `routes.documents`. */
export const RouteDocument = closed(
  {
    path: Type.String({
      minLength: 1,
      maxLength: 2048,
      description:
        'The paths that the route matches: literal segments, `:param` for one segment, and at most one trailing `*` for the rest. The most specific path wins.',
    }),
    methods: Type.Optional(
      Type.Array(METHOD, {
        minItems: 1,
        uniqueItems: true,
        description:
          'The methods that the route matches. `*` is not allowed. Other methods go on to less specific routes, and get 405 if there is none. Absent: all methods.',
      }),
    ),
    hosts: Type.Optional(
      Type.Array(HOST, {
        minItems: 1,
        description:
          'The hosts that the route matches, without port. `*.example.org` matches every name below it. Absent: all hosts.',
      }),
    ),
    ...MATCH_RULE_FIELDS,
    service: Type.Optional(
      name(
        'The service that requests are forwarded to. A document without it has a field that answers instead.',
      ),
    ),
    nodes: Type.Optional(
      nodeSelector(
        'Which nodes of the service get the requests: `{"version": "2.1.0"}` or `{"meta": {"zone": "a"}}` ([nodes](policies/nodes.md)). Absent: all nodes, without those that are registered with the metadata `traffic: "selected"`.',
      ),
    ),
    stripPrefix: Type.Optional(
      Type.String({
        description:
          'Leading literal segments of `path` that are removed before forwarding. With `/api`, the node gets `/users` for `/api/users`.',
      }),
    ),
    auth: Type.Optional(RouteAuthRule),
    timeoutMs: Type.Optional(
      Type.Integer({
        ...TIMEOUT,
        description:
          'Milliseconds from the arrival of the request to the head of the answer, over all tries. Absent: `routes.defaults.timeoutMs`.',
      }),
    ),
    bodyIdleTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_TIMER_MS,
        description:
          'Milliseconds of silence in the body of an answer after which the answer is aborted. 0: never. Absent: `upstream.bodyIdleTimeoutMs`.',
      }),
    ),
    retries: Type.Optional(
      Type.Integer({
        ...RETRIES,
        description:
          'Number of tries after the first, each on a node that was not tried yet. Only requests that are safe to repeat are retried. Absent: `routes.defaults.retries`.',
      }),
    ),
    tryTimeoutMs: Type.Optional(
      tryTimeout(
        'Milliseconds that a single try may take until the head of its answer. Absent: `routes.defaults.tryTimeoutMs`.',
      ),
    ),
    retryOn: Type.Optional(
      retryOn({
        description:
          'Statuses that are retried on another node if the method is idempotent. Absent: `routes.defaults.retryOn`.',
      }),
    ),
    retryBufferBytes: Type.Optional(
      retryBuffer({
        description:
          'Largest request body that is kept in memory while it is sent, so that the request can be sent again: those of idempotent methods, and all of services with nodes of HTTP/2. Absent: `routes.defaults.retryBufferBytes`.',
      }),
    ),
    hedge: Type.Optional(HedgeSchema),
    breaker: Type.Optional(BreakerSchema),
    healthCheck: Type.Optional(HealthCheckOrNone),
    serviceLimit: Type.Optional(ServiceLimitSchema),
    grpc: Type.Optional(GrpcSchema),
    upstreamTls: Type.Optional(UpstreamTlsSchema),
    balancer: Type.Optional(
      balancerRule({
        description:
          'How a node is chosen: the name of a balancer, or an object with the name and its settings, such as `{"consistent-hash": {"header": "x-tenant"}}` ([balancing](balancing.md)). Absent: `routes.defaults.balancer`.',
      }),
    ),
    slowStartMs: Type.Optional(
      Type.Integer({
        ...SLOW_START,
        description:
          'Milliseconds in which the share of a new or recovered node grows from a tenth of its weight to all of it. Absent: `routes.defaults.slowStartMs`.',
      }),
    ),
    priority: Type.Optional(
      Type.Integer({
        minimum: -1_000_000,
        maximum: 1_000_000,
        description:
          'Decides between routes with the same path: the larger one wins, or is asked first where conditions differ. Absent: 0.',
      }),
    ),
    fallback: Type.Optional(
      Type.Union([StaticFallback, ServiceFallback, StaleFallback], {
        description:
          'What answers when no node of the service can ([fallbacks](fallbacks.md)): a fixed answer `{"status", "headers", "body"}`, another service `{"service"}`, or the last good answer `{"stale": true}`. Absent: the client gets the error.',
      }),
    ),
    maxBodyBytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          'Largest request body. A larger one is answered 413. 0: no limit. Absent: `clientLimits.bodyBytes`.',
      }),
    ),
    allowEncodedSlash: Type.Optional(
      Type.Boolean({
        description:
          'Whether paths with an encoded slash (`%2F`) are accepted, for services whose ids contain slashes. An encoded slash is not a separator here and is forwarded as it came, so a node that decodes it before routing sees another path than the gateway routed. Absent: false; such a path is answered 400.',
      }),
    ),
    allowSlowClients: Type.Optional(
      Type.Boolean({
        description:
          'Whether clients may send and read more slowly than `clientLimits.minBytesPerSecond`, for bodies that are written as things happen. Absent: false.',
      }),
    ),
    mergeSlashes: Type.Optional(
      Type.Boolean({
        description:
          'Whether repeated slashes in a path reach the node as one slash. With false they reach it as they came, for services whose keys have empty segments, such as object stores. Routes are matched as if slashes were merged in either case. Absent: true.',
      }),
    ),
    preserveHost: Type.Optional(
      Type.Boolean({
        description:
          "Whether the client's `Host` header is forwarded instead of the node's address. Absent: false.",
      }),
    ),
    rewriteLocation: Type.Optional(
      rewriteLocation({
        description:
          'Whether the node\'s own address in `Location`, `Content-Location` and `Refresh` is replaced, and the stripped prefix is put back there and in the paths of cookies, unless it is there already. `"always"`: also if it seems to be there already. `false`: answers are left as they are ([headers](headers.md#redirects-and-cookies)). Absent: `routes.defaults.rewriteLocation`.',
      }),
    ),
    enabled: Type.Optional(
      Type.Boolean({
        description:
          'Whether the route takes requests. With false, the document is checked and listed, and its service gets no automatic route either. Its requests go to less specific routes, as if the document were not there; to close a path, use `respond` with 503. Absent: true.',
      }),
    ),
    description: Type.Optional(
      Type.String({
        maxLength: 500,
        description: 'What the route is for, for people. It is shown in `/routes`.',
      }),
    ),
    labels: Type.Optional(
      Type.Record(Type.String(), Type.String({ maxLength: 255 }), {
        propertyNames: { type: 'string', pattern: NAME_PATTERN },
        maxProperties: 16,
        description:
          'Names and values for people, such as `{"team": "billing"}`. Lists of routes show them and are filtered by them: `label:team=billing`.',
      }),
    ),
    policies: Type.Optional(
      Type.Array(name('A policy set.'), {
        maxItems: 8,
        uniqueItems: true,
        description:
          'The names of [policy sets](policies/README.md#policy-sets). Fields that the document does not have are taken from the first set that has them.',
      }),
    ),
    ...documentPolicyFields(),
  },
  {
    title: 'route document',
    description: 'Maps requests to a service, with the rules that apply to them.',
  },
)

export type RouteDocument = Static<typeof RouteDocument>

/** Route documents by id. */
export const RouteDocuments = Type.Record(Type.String(), RouteDocument, {
  propertyNames: { type: 'string', pattern: NAME_PATTERN },
  default: {},
  description:
    'Routes by id, in addition to those in etcd. A document in etcd with the same id takes precedence.',
})
