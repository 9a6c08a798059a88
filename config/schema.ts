import type { Static } from 'typebox'
import { Type } from './kit/type.ts'
import { closed, durationMs, port, section, text } from './kit/values.ts'
import { AccessLogSetting } from './sections/access-log-section.ts'
import { AdminSection, MetricsSection } from './sections/admin-sections.ts'
import { ClientLimitsSection } from './sections/client-limits-section.ts'
import { ApiKeysSection, BasicSection } from './sections/credential-sections.ts'
import { GrpcSection } from './sections/grpc-section.ts'
import { Http2Section } from './sections/http2-section.ts'
import { JwtSection } from './sections/jwt-section.ts'
import { RateLimitsSection } from './sections/rate-limits-section.ts'
import { DiscoverySection, EtcdSection } from './sections/registry-sections.ts'
import {
  BreakerSection,
  MirrorsSection,
  OverloadSection,
  ServiceLimitSection,
  StaleAnswersSection,
} from './sections/resilience-sections.ts'
import { RoutesSection } from './sections/routes-section.ts'
import { TlsSection } from './sections/tls-section.ts'
import { TracingSection } from './sections/tracing-section.ts'
import { UpstreamSection } from './sections/upstream-section.ts'

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

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
export const ConfigSchema = closed(
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
  { description: 'The configuration of Waygate.' },
)

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T

/** A complete, valid configuration, deeply frozen. */
export type Config = DeepReadonly<Static<typeof ConfigSchema>>
export type LogLevel = Config['logLevel']
