import { Type } from '../kit/type.ts'
import { durationMs, secret, section, text } from '../kit/values.ts'

export const EtcdSection = section(
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
      text(
        'Folder in which the embedded etcd keeps its data. Absent: `embedded-etcd` in `dataDir`, or `embedded-etcd-PORT` at a port other than 2379; in memory alone at port 0.',
        {
          flag: '--embedded-etcd-data FOLDER',
          isPath: true,
          reload: 'restart',
        },
      ),
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

export const DiscoverySection = section(
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
