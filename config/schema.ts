import Type from 'typebox'
import { durationMs, port, secret, section, text } from './kit/values.ts'
import { balancerRule } from './route/balancer-rule.ts'
import { HealthCheckRule } from './route/health-check.ts'
import { retryBuffer, retryOn, TIMEOUT } from './route/resilience-schema.ts'
import { RETRIES, RouteDocuments, SLOW_START } from './route/route-schema.ts'
import { ClientLimitsSection } from './sections/client-limits-section.ts'
import { ApiKeysSection, BasicSection } from './sections/credential-sections.ts'
import { JwtSection } from './sections/jwt-section.ts'
import {
  BreakerSection,
  OverloadSection,
  ServiceLimitSection,
  StaleAnswersSection,
} from './sections/resilience-sections.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const EtcdSection = section(
  {
    endpoints: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description:
          'Members of the etcd cluster, such as `http://10.0.0.5:2379`. Absent: Waygate runs the embedded etcd.',
        env: 'WAYGATE_ETCD',
        flag: '--etcd URL[,URL...]',
      }),
    ),
    embedded: Type.String({
      default: '127.0.0.1:2379',
      minLength: 1,
      description: 'Where the embedded etcd listens, `host:port`. Loopback only: it knows no passwords.',
      flag: '--embedded-etcd HOST:PORT',
      insteadOf: 'endpoints',
    }),
    user: Type.Optional(text('User name in etcd.', { env: 'WAYGATE_ETCD_USER' })),
    password: Type.Optional(secret('Password of `user`.', { env: 'WAYGATE_ETCD_PASSWORD' })),
    ca: Type.Optional(
      text("File with the certificates (PEM) that etcd's own must be signed by.", {
        env: 'WAYGATE_ETCD_CA',
        isPath: true,
      }),
    ),
    cert: Type.Optional(
      text('File with the client certificate (PEM); needs `key`.', {
        env: 'WAYGATE_ETCD_CERT',
        isPath: true,
      }),
    ),
    key: Type.Optional(
      text('File with the private key (PEM) of `cert`.', { env: 'WAYGATE_ETCD_KEY', isPath: true }),
    ),
  },
  'The etcd that holds nodes and routes.',
)

const DiscoverySection = section(
  {
    registry: Type.Enum(['etcd', 'file', 'memory'], {
      default: 'etcd',
      description:
        'Where nodes and routes come from. `file`: from `discovery.file`, without any etcd. `memory` forgets everything on exit; it is for tests.',
    }),
    file: Type.Optional(
      text('With `registry: file`, the YAML or JSON file of nodes and routes; read anew when it changes.', {
        isPath: true,
      }),
    ),
    servicesPrefix: text('Keys below this prefix are nodes.', {
      default: '/services/',
      env: 'WAYGATE_SERVICES_PREFIX',
      flag: '--services-prefix PREFIX',
    }),
    routesPrefix: text('Keys below this prefix are route documents.', {
      default: '/waygate/routes/',
      env: 'WAYGATE_ROUTES_PREFIX',
      flag: '--routes-prefix PREFIX',
    }),
    format: text('How the values below `servicesPrefix` are written. `auto` decides by their shape.', {
      default: 'auto',
    }),
    sources: Type.Array(
      section(
        {
          prefix: text('Keys below this prefix are nodes.'),
          format: text('How their values are written.', { default: 'auto' }),
          service: Type.Optional(
            text('The service all of them are nodes of, where neither key nor value names it.'),
          ),
        },
        'A prefix that other software registers its services below.',
      ),
      {
        default: [],
        description:
          'Further prefixes to read nodes from. `servicesPrefix` is read besides, unless one of these overlaps it.',
      },
    ),
    allowedAddresses: Type.Array(Type.String(), {
      default: [],
      description:
        'Addresses and CIDR ranges that nodes may have; a node elsewhere is shown as a problem and not used, and a host name gets no connection to another address. Empty: all.',
    }),
    suspectGraceMs: durationMs(
      60_000,
      'How long nodes that etcd seems to have lost (wiped, or more than half of a service gone right after an outage) stay in use while they take connections. 0: etcd is always believed at once.',
    ),
  },
  'How nodes and routes are found in the registry.',
)

const RoutesSection = section(
  {
    auto: Type.Boolean({
      default: true,
      description:
        'Whether a service without a route document is reachable at `/<service>/*`, the prefix stripped.',
    }),
    defaults: section(
      {
        timeoutMs: Type.Integer({
          ...TIMEOUT,
          default: 15_000,
          description:
            "From the request's arrival to the head of the answer, over all tries. 15 s, as Envoy has it.",
        }),
        retries: Type.Union([Type.Null(), Type.Integer(RETRIES)], {
          default: null,
          description: 'Further tries after the first, each on another node. `null`: every other node once.',
        }),
        tryTimeoutMs: Type.Union([Type.Null(), Type.Integer(TIMEOUT)], {
          default: null,
          description:
            'That one try may take to the head of its answer; then another node is asked, where the request may be repeated. `null`: as long as `timeoutMs` leaves.',
        }),
        retryOn: retryOn({
          default: [502, 503, 504],
          description:
            'Statuses of answers for which another node is asked, where the method is idempotent (GET, HEAD, OPTIONS, PUT, DELETE).',
        }),
        retryBufferBytes: retryBuffer({
          default: 65_536,
          description:
            'Bodies of idempotent requests up to this are kept while they are sent, so that they can be sent again.',
        }),
        balancer: balancerRule({
          default: 'weighted-round-robin',
          description: 'How a node is picked: a name, or a name and what it goes by.',
        }),
        healthCheck: Type.Union([Type.Null(), HealthCheckRule], {
          default: null,
          description:
            'How the nodes of services are checked of which neither a route nor the nodes themselves say it, such as `{"path": "/healthz"}` or `{"tcp": true}`. `null`: not at all.',
        }),
        slowStartMs: Type.Integer({
          ...SLOW_START,
          default: 0,
          description:
            'In which a new or recovered node comes from a tenth of its weight to the whole. 0: it has its whole weight at once.',
        }),
      },
      'What holds for a route that does not say it.',
    ),
    stickyCookie: section(
      {
        secret: Type.Optional(
          secret(
            'Secret that the cookies of the balancer `sticky-cookie` are signed with, the same in every gateway.',
            { env: 'WAYGATE_COOKIE_SECRET', neverEmpty: true },
          ),
        ),
        secretFile: Type.Optional(
          text('File with that secret; one newline at its end does not count.', {
            isPath: true,
            insteadOf: 'secret',
          }),
        ),
      },
      'The cookies of the balancer `sticky-cookie`.',
    ),
    documents: RouteDocuments,
  },
  'Routes that do not come from etcd, and what holds for all routes.',
)

const UpstreamSection = section(
  {
    connectTimeoutMs: durationMs(5_000, 'For a connection to a node to be made.', 1),
    bodyIdleTimeoutMs: durationMs(
      300_000,
      'Silence in the body of an answer after which it is given up. Five minutes, so that slow event streams live. 0: never.',
    ),
    keepAliveMs: durationMs(
      4_000,
      'How long an idle connection to a node is kept. Below the 5 s after which a Node.js server closes it, so that no request meets a closing socket.',
      1,
    ),
    connectionsPerNode: Type.Union(
      [Type.Null(), Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })],
      { default: null, description: 'Connections to one node at the same time. `null`: no limit.' },
    ),
  },
  'The connections to nodes.',
)

/** Everything that can be configured: types, defaults, rules and descriptions in one place. */
export const ConfigSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String({ description: 'For editors; Waygate does not look at it.' })),
    host: text('Address that the gateway listens on.', {
      default: '0.0.0.0',
      env: 'WAYGATE_HOST',
      flag: '--host ADDRESS',
    }),
    port: port(8_080, 'Port that the gateway listens on. 0: any free port.', {
      env: 'WAYGATE_PORT',
      flag: '--port PORT',
    }),
    adminHost: text(
      'Address of the admin listener. Off loopback it needs `adminToken`, because it shows every node.',
      { default: '127.0.0.1', env: 'WAYGATE_ADMIN_HOST', flag: '--admin-host ADDRESS' },
    ),
    adminPort: port(9_180, 'Port of the admin listener. 0: any free port.', {
      env: 'WAYGATE_ADMIN_PORT',
      flag: '--admin-port PORT',
    }),
    adminToken: Type.Optional(
      Type.String({
        pattern: '^[\\x21-\\x7e]+$',
        title: 'printable ASCII without spaces',
        writeOnly: true,
        description:
          'What the admin listener expects as `Authorization: Bearer`. Absent: it asks for nothing.',
        env: 'WAYGATE_ADMIN_TOKEN',
        neverEmpty: true,
      }),
    ),
    workers: Type.Integer({
      default: 1,
      minimum: 0,
      maximum: 1_024,
      description:
        'Processes that share the port, each with its own table, connections and breakers. 0: one per core. With 2 or more, SIGHUP reads the configuration anew.',
      env: 'WAYGATE_WORKERS',
      flag: '--workers N',
    }),
    dataDir: text('Folder for the copy of the routing table that outlives an outage of etcd.', {
      default: '.waygate',
      env: 'WAYGATE_DATA_DIR',
      flag: '--data-dir FOLDER',
      isPath: true,
    }),
    logLevel: Type.Enum(LOG_LEVELS, {
      default: 'info',
      description:
        'Least severe level that is logged: `fatal`, `error`, `warn`, `info`, `debug` or `trace`; `silent` logs nothing.',
      env: 'WAYGATE_LOG_LEVEL',
      flag: '--log-level LEVEL',
    }),
    accessLog: Type.Boolean({ default: true, description: 'Whether every request is logged with one line.' }),
    drainMs: durationMs(
      1_000,
      'On shutdown, how long new connections are still served, so that load balancers notice first.',
    ),
    shutdownTimeoutMs: durationMs(10_000, 'On shutdown, how long requests in flight may take to finish.'),
    trustedProxies: Type.Array(Type.String(), {
      default: [],
      description: 'Addresses and CIDR ranges of proxies whose `X-Forwarded-*` headers are believed.',
    }),
    etcd: EtcdSection,
    discovery: DiscoverySection,
    routes: RoutesSection,
    jwt: JwtSection,
    apiKeys: ApiKeysSection,
    basic: BasicSection,
    breaker: BreakerSection,
    serviceLimit: ServiceLimitSection,
    overload: OverloadSection,
    staleAnswers: StaleAnswersSection,
    upstream: UpstreamSection,
    clientLimits: ClientLimitsSection,
  },
  { additionalProperties: false, description: 'The configuration of Waygate.' },
)

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T

/** A whole, checked configuration; frozen through and through. */
export type Config = DeepReadonly<Type.Static<typeof ConfigSchema>>
export type LogLevel = Config['logLevel']
