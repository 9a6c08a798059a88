import { Type } from '../kit/type.ts'
import { closed, durationMs, section, text } from '../kit/values.ts'

const HOSTS = Type.Array(Type.String({ minLength: 1 }), {
  minItems: 1,
  description:
    'Host names, such as `api.example.com` or `*.example.com`, that ask for client certificates. Absent: all.',
})

const ClientAuth = closed(
  {
    ca: text('File with the certificates (PEM) of the authorities that may issue client certificates.', {
      isPath: true,
    }),
    crl: Type.Optional(
      text(
        'File with the revocation lists (PEM) of these authorities. Every authority needs one, and one that is too old lets nobody in.',
        { isPath: true },
      ),
    ),
    mode: Type.Enum(['required', 'optional'], {
      default: 'required',
      description:
        '`required`: a client without a valid certificate gets no connection. `optional`: it gets one, and a certificate that is not valid counts as none.',
    }),
    hosts: Type.Optional(HOSTS),
  },
  { description: 'Certificates of clients (mTLS). Absent: none are asked for.' },
)

const Hsts = closed(
  {
    maxAgeSeconds: Type.Integer({
      default: 31_536_000,
      minimum: 0,
      maximum: 4_294_967_295,
      description: 'How long browsers use TLS alone for the host, seconds. 0: they forget it.',
    }),
    includeSubDomains: Type.Boolean({
      default: false,
      description: 'Whether it holds for all names below the host.',
    }),
    preload: Type.Boolean({
      default: false,
      description:
        'Whether the host may be in the lists that browsers come with, which is hard to take back.',
    }),
  },
  {
    description:
      'The header `Strict-Transport-Security` on every answer over TLS that has none. Absent: it is not sent.',
  },
)

export const TlsSection = section(
  {
    port: Type.Union([Type.Null(), Type.Integer({ minimum: 0, maximum: 65_535 })], {
      default: null,
      description:
        'Port for TLS. 0: any free port. `null`: 8443 if there is any certificate, otherwise none.',
      env: 'WAYGATE_TLS_PORT',
      flag: '--tls-port PORT',
    }),
    publicPort: Type.Union([Type.Null(), Type.Integer({ minimum: 1, maximum: 65_535 })], {
      default: null,
      description:
        'Port that clients use for TLS, where something in front maps it to `port`. Redirects name it. `null`: that of `port`.',
    }),
    host: Type.Union([Type.Null(), Type.String({ minLength: 1 })], {
      default: null,
      description: 'Address that the port is opened at; of a name, the first one. `null`: that of `host`.',
    }),
    cert: Type.Optional(
      text(
        'File with a certificate (PEM) and those between it and its root. Requires `key`. Clients that name no host, or one without a certificate, get it too, unless `default` names another.',
        { env: 'WAYGATE_TLS_CERT', flag: '--tls-cert FILE', isPath: true },
      ),
    ),
    key: Type.Optional(
      text('File with the private key (PEM) of `cert`.', {
        env: 'WAYGATE_TLS_KEY',
        flag: '--tls-key FILE',
        isPath: true,
      }),
    ),
    certificates: Type.Array(
      section(
        {
          cert: text('File with a certificate (PEM) and those between it and its root.', { isPath: true }),
          key: text('File with its private key (PEM).', { isPath: true }),
          keyPasswordFile: Type.Optional(
            text('File with the password of the private key. One newline at its end is ignored.', {
              isPath: true,
            }),
          ),
        },
        'A certificate and its private key.',
      ),
      {
        default: [],
        maxItems: 1_000,
        description:
          'Certificates. Each serves the names that it has as subject alternative names. The files are read again when they change.',
      },
    ),
    fromEtcd: Type.Boolean({
      default: false,
      description:
        'Whether certificates are read from etcd too, below `discovery.certificatesPrefix` ([certificates in etcd](tls.md#certificates-in-etcd)). Requires `sealKeyFile`, or `plainKeys: true`.',
    }),
    sealKeyFile: Type.Optional(
      text(
        'File with the key that private keys in etcd are sealed with: 32 bytes in base64, as `openssl rand -base64 32` writes them.',
        {
          env: 'WAYGATE_TLS_SEAL_KEY_FILE',
          flag: '--tls-seal-key-file FILE',
          isPath: true,
          isFollowed: false,
        },
      ),
    ),
    plainKeys: Type.Boolean({
      default: false,
      description:
        'Whether private keys in etcd that are not sealed are used. Everyone who can read etcd, or a copy of it, has them.',
    }),
    default: Type.Optional(
      text(
        'A name of the certificate that clients get which name no host, or one without a certificate. Absent: that of `cert`, or else they get no connection.',
      ),
    ),
    plain: Type.Enum(['serve', 'redirect', 'off'], {
      default: 'serve',
      description:
        'What happens at `port`, without TLS: requests are served, redirected to TLS (308), or the port is not opened.',
    }),
    minVersion: Type.Enum(['TLSv1.2', 'TLSv1.3'], {
      default: 'TLSv1.2',
      description: 'Oldest version of TLS.',
    }),
    handshakeTimeoutMs: durationMs(10_000, 'How long a handshake may take, milliseconds.', 100),
    ticketLifetimeSeconds: Type.Integer({
      default: 7_200,
      minimum: 0,
      maximum: 86_400,
      description:
        'How long a client may resume its session at most, seconds. A session also ends with the key of its ticket, which is replaced after half of that. 0: never.',
    }),
    clientAuth: Type.Optional(ClientAuth),
    hsts: Type.Optional(Hsts),
    acmeChallengeDir: Type.Optional(
      text(
        'Folder whose files are served at `/.well-known/acme-challenge/`, without TLS too ([certificates by ACME](tls.md#certificates-by-acme)). ACME clients write there what an authority asks for.',
        { isPath: true },
      ),
    ),
  },
  'TLS for clients ([TLS](tls.md)).',
  { reload: 'workers', isFollowed: true },
)
