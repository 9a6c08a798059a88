import { Type } from '../kit/type.ts'
import { SECRET_FILE, secret, section } from '../kit/values.ts'
import { defaultPolicyFields } from '../policies/policies.ts'
import { balancerRule } from '../route/balancer-rule.ts'
import { HealthCheckRule } from '../route/health-check.ts'
import { PolicySets } from '../route/policy-set.ts'
import { retryBuffer, retryOn, TIMEOUT } from '../route/resilience-schema.ts'
import { RETRIES, RouteDocuments, rewriteLocation, SLOW_START } from '../route/route-schema.ts'

export const RoutesSection = section(
  {
    auto: Type.Boolean({
      default: true,
      description:
        'Whether a service without a route document is reachable at `/<service>/*`, with the prefix stripped. A service that had a document once is not, until it has one again.',
    }),
    defaults: section(
      {
        timeoutMs: Type.Integer({
          ...TIMEOUT,
          default: 15_000,
          description:
            'Milliseconds from the arrival of a request to the head of its answer, over all tries. 15 s is also the default of Envoy.',
        }),
        retries: Type.Union([Type.Null(), Type.Integer(RETRIES)], {
          default: null,
          description:
            'Number of tries after the first, each on another node. `null`: one on every other node.',
        }),
        tryTimeoutMs: Type.Union([Type.Null(), Type.Integer(TIMEOUT)], {
          default: null,
          description:
            'Milliseconds that a single try may take until the head of its answer. After that, a request that is safe to repeat is sent to another node. `null`: whatever `timeoutMs` leaves.',
        }),
        retryOn: retryOn({
          default: [502, 503, 504],
          description:
            'Statuses that are retried on another node if the method is idempotent (GET, HEAD, OPTIONS, PUT, DELETE).',
        }),
        retryBufferBytes: retryBuffer({
          default: 65_536,
          description:
            'Largest request body that is kept in memory while it is sent, so that the request can be sent again: those of idempotent methods, and all of services with nodes of HTTP/2.',
        }),
        balancer: balancerRule({
          default: 'weighted-round-robin',
          description:
            'How a node is chosen: the name of a balancer, or an object with the name and its settings ([balancing](balancing.md)).',
        }),
        healthCheck: Type.Union([Type.Null(), HealthCheckRule], {
          default: null,
          description:
            'Health check of nodes for which neither a route nor their own metadata sets one, such as `{"path": "/healthz"}` or `{"tcp": true}` ([health checks](health-checks.md)). `null`: no check.',
        }),
        slowStartMs: Type.Integer({
          ...SLOW_START,
          default: 0,
          description:
            'Milliseconds in which the share of a new or recovered node grows from a tenth of its weight to all of it. 0: it has its whole weight at once.',
        }),
        rewriteLocation: rewriteLocation({
          default: true,
          description:
            'Whether redirects and cookies of nodes are rewritten to what clients can use. Route documents explain the values.',
        }),
        ...defaultPolicyFields(),
      },
      'Defaults for the fields that a route leaves out.',
    ),
    stickyCookie: section(
      {
        secret: Type.Optional(
          secret('Secret that signs the cookies. It must be the same in every gateway.', {
            env: 'WAYGATE_COOKIE_SECRET',
            neverEmpty: true,
          }),
        ),
        secretFile: SECRET_FILE,
        sameSite: Type.Enum(['lax', 'none'], {
          default: 'lax',
          description:
            'Whether browsers send the cookies with what pages of other sites ask for. `none`: with all of it, which such pages in frames and their scripts need; over https alone, as browsers have it. `lax`: with links alone.',
        }),
      },
      'The cookies of the balancer `sticky-cookie` and of `split`.',
    ),
    policies: PolicySets,
    documents: RouteDocuments,
  },
  'Routes that do not come from etcd, and defaults for all routes.',
  { reload: 'live' },
)
