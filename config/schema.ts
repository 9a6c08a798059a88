import type { Static } from 'typebox'
import { Type } from './kit/type.ts'
import { durationMs, port, secret, section, text } from './kit/values.ts'
import { defaultPolicyFields } from './policies/policies.ts'
import { balancerRule } from './route/balancer-rule.ts'
import { HealthCheckRule } from './route/health-check.ts'
import { PolicySets } from './route/policy-set.ts'
import { retryBuffer, retryOn, TIMEOUT } from './route/resilience-schema.ts'
import { RETRIES, RouteDocuments, rewriteLocation, SLOW_START } from './route/route-schema.ts'
import { AccessLogSetting } from './sections/access-log-section.ts'
import { ClientLimitsSection } from './sections/client-limits-section.ts'
import { ApiKeysSection, BasicSection } from './sections/credential-sections.ts'
import { GrpcSection } from './sections/grpc-section.ts'
import { Http2Section } from './sections/http2-section.ts'
import { JwtSection } from './sections/jwt-section.ts'
import { RateLimitsSection } from './sections/rate-limits-section.ts'
import {
  BreakerSection,
  MirrorsSection,
  OverloadSection,
  ServiceLimitSection,
  StaleAnswersSection,
} from './sections/resilience-sections.ts'
import { TlsSection } from './sections/tls-section.ts'
import { TracingSection } from './sections/tracing-section.ts'
import { UpstreamSection } from './sections/upstream-section.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const EtcdSection = section(
  {
    endpoints: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), {
        minItems: 1,
        description:
          'Members of the etcd cluster, such as `http://10.0.0.5:2379`. Absent: the gateway runs the embedded etcd.',
        env: 'WAYGATE_ETCD',
        flag: '--etcd URL[,URL...]',
      }),
    ),
    embedded: Type.String({
      default: '127.0.0.1:2379',
      minLength: 1,
      description:
        'Address that the embedded etcd listens on, `host:port`. It must be on loopback, because the embedded etcd has no authentication.',
      flag: '--embedded-etcd HOST:PORT',
      insteadOf: 'endpoints',
      reload: 'restart',
    }),
    embeddedData: Type.Optional(
      text('Folder in which the embedded etcd keeps its data. Absent: `embedded-etcd` in `dataDir`.', {
        flag: '--embedded-etcd-data FOLDER',
        isPath: true,
        reload: 'restart',
      }),
    ),
    embeddedMemory: Type.Boolean({
      default: false,
      description: 'Whether the embedded etcd keeps its data in memory alone, and loses it on exit.',
      flag: '--embedded-etcd-memory',
      reload: 'restart',
      insteadOf: 'embeddedData',
    }),
    user: Type.Optional(text('User name for etcd.', { env: 'WAYGATE_ETCD_USER' })),
    password: Type.Optional(secret('Password of `user`.', { env: 'WAYGATE_ETCD_PASSWORD' })),
    ca: Type.Optional(
      text('File with the CA certificates (PEM) that verify the certificate of etcd.', {
        env: 'WAYGATE_ETCD_CA',
        isPath: true,
      }),
    ),
    cert: Type.Optional(
      text('File with the client certificate (PEM). Requires `key`.', {
        env: 'WAYGATE_ETCD_CERT',
        isPath: true,
      }),
    ),
    key: Type.Optional(
      text('File with the private key (PEM) of `cert`.', { env: 'WAYGATE_ETCD_KEY', isPath: true }),
    ),
  },
  'The etcd that holds nodes and routes ([etcd](etcd.md)).',
  { reload: 'workers', isFollowed: true },
)

const DiscoverySection = section(
  {
    registry: Type.Enum(['etcd', 'file', 'memory'], {
      default: 'etcd',
      description:
        'Where nodes and routes come from. `file`: from `discovery.file`, without etcd. `memory`: from the process itself, for tests; everything is lost on exit.',
    }),
    file: Type.Optional(
      text(
        'The YAML or JSON file with nodes and routes for `registry: file` ([file registry](file-registry.md)). It is read again whenever it changes.',
        {
          isPath: true,
        },
      ),
    ),
    servicesPrefix: text('Prefix of the etcd keys that are nodes.', {
      default: '/services/',
      env: 'WAYGATE_SERVICES_PREFIX',
      flag: '--services-prefix PREFIX',
    }),
    routesPrefix: text('Prefix of the etcd keys that are route documents.', {
      default: '/waygate/routes/',
      env: 'WAYGATE_ROUTES_PREFIX',
      flag: '--routes-prefix PREFIX',
    }),
    policiesPrefix: text('Prefix of the etcd keys that are [policy sets](policies/README.md#policy-sets).', {
      default: '/waygate/policies/',
    }),
    descriptorsPrefix: Type.Union([Type.Null(), Type.String({ minLength: 1 })], {
      default: '/waygate/descriptors/',
      description:
        'Prefix of the etcd keys that describe gRPC services: FileDescriptorSets by the name of a service, or by a name that routes use ([gRPC](grpc.md)). `null`: none are read.',
    }),
    certificatesPrefix: text(
      'Prefix of the etcd keys that are certificates for TLS. They are read with `tls.fromEtcd: true`.',
      { default: '/waygate/certificates/' },
    ),
    acmePrefix: text(
      'Prefix of the etcd keys that are answers to challenges of ACME, by token. They are read with `tls.fromEtcd: true`.',
      { default: '/waygate/acme/' },
    ),
    format: text(
      'Format of the values below `servicesPrefix` ([formats](formats.md)). `auto` decides by their shape.',
      {
        default: 'auto',
      },
    ),
    sources: Type.Array(
      section(
        {
          prefix: text('Prefix of the etcd keys that are nodes.'),
          format: text('Format of their values.', { default: 'auto' }),
          service: Type.Optional(
            text('Service of all these nodes, for formats in which neither key nor value names it.'),
          ),
        },
        'A prefix below which other software registers its services.',
      ),
      {
        default: [],
        description:
          'More prefixes to read nodes from. `servicesPrefix` is read as well, unless one of these overlaps it.',
      },
    ),
    allowedAddresses: Type.Array(Type.String(), {
      default: [],
      description:
        'Addresses and CIDR ranges that nodes may have. A node at another address is not used and is listed as a problem; a host name that resolves to another address gets no connection. Empty: all addresses.',
    }),
    suspectGraceMs: durationMs(
      60_000,
      'How long nodes that etcd seems to have lost stay in use while they accept connections, milliseconds. etcd seems to have lost nodes when it was wiped, or when more than half of a service is gone right after an outage. 0: every loss is believed at once.',
    ),
  },
  'Where nodes and routes are found.',
  { reload: 'workers' },
)

const AdminToken = Type.Object(
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
  },
  { additionalProperties: false, title: 'a token' },
)

const AdminSection = section(
  {
    tokens: Type.Record(Type.String(), AdminToken, {
      default: {},
      description:
        'Further tokens of the admin listener, by the name of who has them. `waygate admin-token` makes one.',
    }),
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

const MetricsSection = section(
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

const RoutesSection = section(
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
        secretFile: Type.Optional(
          text('File with the secret. One newline at its end is ignored.', {
            isPath: true,
            insteadOf: 'secret',
          }),
        ),
      },
      'The cookies of the balancer `sticky-cookie` and of `split`.',
    ),
    policies: PolicySets,
    documents: RouteDocuments,
  },
  'Routes that do not come from etcd, and defaults for all routes.',
  { reload: 'live' },
)

const ProxyProtocolSection = section(
  {
    from: Type.Array(Type.String(), {
      default: [],
      description:
        'Addresses and CIDR ranges of load balancers whose connections must begin with a header of the PROXY protocol, version 1 or 2, and are ended otherwise. The gateway takes the address of the client from it. Connections from other addresses must not have one. Empty: none has.',
    }),
  },
  'The address of the client, as TCP load balancers tell it ([behind a TCP load balancer](headers.md#behind-a-tcp-load-balancer)).',
  { reload: 'workers' },
)

/** The schema of the configuration: types, defaults, rules, descriptions, variables and options in one place. */
export const ConfigSchema = Type.Object(
  {
    $schema: Type.Optional(
      Type.String({
        description: 'URL of the JSON Schema, for editors. Waygate ignores it.',
        reload: 'live',
      }),
    ),
    host: text('Address that the gateway listens on.', {
      default: '0.0.0.0',
      env: 'WAYGATE_HOST',
      flag: '--host ADDRESS',
      reload: 'workers',
    }),
    port: port(8_080, 'Port that the gateway listens on. 0: any free port.', {
      env: 'WAYGATE_PORT',
      flag: '--port PORT',
      reload: 'workers',
    }),
    adminHost: text(
      'Address that the admin listener listens on. An address that is not loopback requires `adminToken` or `admin.tokens`, because the admin listener shows every node.',
      { default: '127.0.0.1', env: 'WAYGATE_ADMIN_HOST', flag: '--admin-host ADDRESS', reload: 'restart' },
    ),
    adminPort: port(9_180, 'Port that the admin listener listens on. 0: any free port.', {
      env: 'WAYGATE_ADMIN_PORT',
      flag: '--admin-port PORT',
      reload: 'restart',
    }),
    adminToken: Type.Optional(
      Type.String({
        pattern: '^[\\x21-\\x7e]+$',
        title: 'printable ASCII without spaces',
        writeOnly: true,
        description:
          'Token that the admin listener requires as `Authorization: Bearer`, with the role `read`. Absent: none, or those of `admin.tokens`.',
        env: 'WAYGATE_ADMIN_TOKEN',
        neverEmpty: true,
        reload: 'live',
      }),
    ),
    admin: AdminSection,
    metrics: MetricsSection,
    tracing: TracingSection,
    workers: Type.Integer({
      default: 1,
      minimum: 0,
      maximum: 1_024,
      description:
        'Number of processes that share the port, each with its own table, connections and breakers. 0: one per core. A [reload](reload.md) changes it, but not between one process and several.',
      env: 'WAYGATE_WORKERS',
      flag: '--workers N',
      reload: 'workers',
    }),
    workerTimeoutMs: durationMs(
      15_000,
      'With `workers`: how long a worker may leave the primary without an answer before it is killed and replaced, milliseconds. 0: it is never killed.',
      0,
      { reload: 'workers' },
    ),
    dataDir: text(
      'Folder for the copy of the routing table from which the gateway starts while etcd is down, and for what it must not forget: the last good version of documents with a mistake, and which services had a document.',
      {
        default: '.waygate',
        env: 'WAYGATE_DATA_DIR',
        flag: '--data-dir FOLDER',
        isPath: true,
        reload: 'restart',
      },
    ),
    logLevel: Type.Enum(LOG_LEVELS, {
      default: 'info',
      description:
        'Least severe level that is logged: `fatal`, `error`, `warn`, `info`, `debug` or `trace`; `silent` logs nothing.',
      env: 'WAYGATE_LOG_LEVEL',
      flag: '--log-level LEVEL',
      reload: 'live',
    }),
    accessLog: AccessLogSetting,
    drainMs: durationMs(
      1_000,
      'How long new connections are still served on shutdown, milliseconds, so that load balancers notice first.',
      0,
      { reload: 'live' },
    ),
    shutdownTimeoutMs: durationMs(
      10_000,
      'How long requests in flight may take to finish on shutdown, milliseconds.',
      0,
      { reload: 'live' },
    ),
    trustedProxies: Type.Array(Type.String(), {
      default: [],
      description:
        'Addresses and CIDR ranges of proxies whose `X-Forwarded-*`, `Forwarded`, `X-Real-IP` and `Client-Cert` headers are trusted ([headers](headers.md#trusted-proxies)).',
      reload: 'live',
    }),
    proxyProtocol: ProxyProtocolSection,
    forwardedHeader: Type.Boolean({
      default: false,
      description:
        'Whether nodes get the `Forwarded` header of RFC 7239 beside `X-Forwarded-*` ([headers](headers.md#headers-to-nodes)).',
      reload: 'live',
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
    rateLimits: RateLimitsSection,
    staleAnswers: StaleAnswersSection,
    mirrors: MirrorsSection,
    upstream: UpstreamSection,
    grpc: GrpcSection,
    clientLimits: ClientLimitsSection,
    http2: Http2Section,
    tls: TlsSection,
  },
  { additionalProperties: false, description: 'The configuration of Waygate.' },
)

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T

/** A complete, valid configuration, deeply frozen. */
export type Config = DeepReadonly<Static<typeof ConfigSchema>>
export type LogLevel = Config['logLevel']
