import { Type } from '../kit/type.ts'
import { closed, count, durationMs, NAME_PATTERN, section, text } from '../kit/values.ts'

const CONNECTIONS = { minimum: 1, maximum: Number.MAX_SAFE_INTEGER } as const
/** From the window that HTTP/2 begins with to what a gateway can hold for many streams. */
const WINDOW = { minimum: 65_535, maximum: 16_777_216 } as const

const UpstreamHttp2Section = section(
  {
    connectionsPerNode: Type.Union([Type.Null(), Type.Integer({ minimum: 1, maximum: 1_000 })], {
      default: null,
      description:
        'Number of connections to one node that take new requests, in each process. Requests beyond `streamsPerConnection` on each of them wait. `null`: as many as the requests in flight need.',
    }),
    streamsPerConnection: Type.Integer({
      default: 100,
      minimum: 1,
      maximum: 10_000,
      description:
        'Number of requests in flight on one connection. A node that allows fewer gets no more than it allows.',
    }),
    streamWindowBytes: Type.Integer({
      default: 262_144,
      ...WINDOW,
      description:
        'Bytes of one answer that a node may send before the client has taken them. An answer begins with 64 KiB at most, which is what is held for a client that reads nothing, and has more once its client takes it.',
    }),
    connectionWindowBytes: Type.Integer({
      default: 16_777_216,
      ...WINDOW,
      description:
        'The same for all answers on a connection together. When half of it is held for clients that read too slowly, new requests use another connection.',
    }),
    cancels: section(
      {
        burst: count(200, 'Number of requests that may be cancelled in quick succession. 0: no limit.'),
        perSecond: count(10, 'Number of cancellations each second that the budget regains.'),
      },
      'How many requests may be cancelled on one connection to a node. A connection whose budget is used up gets no further requests, and what is cancelled on it afterwards is read and dropped: servers end a connection, with all of its requests, when too many are cancelled.',
    ),
  },
  'Connections to nodes that speak HTTP/2: those with the protocol `grpc` or `h2c`, and `grpcs` or `h2`.',
)

const UpstreamDnsSection = section(
  {
    servers: Type.Union([Type.Null(), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })], {
      default: null,
      description: 'Name servers, such as `10.0.0.2` or `127.0.0.1:8600`. `null`: those of /etc/resolv.conf.',
    }),
    minTtlMs: durationMs(
      1_000,
      'How long addresses are used at least, milliseconds, even if their record says less. It also applies to /etc/hosts.',
      100,
    ),
    maxTtlMs: durationMs(60_000, 'How long they are used at most before they are looked up again.', 100),
  },
  'How the names of nodes are looked up. /etc/hosts and the search domains of /etc/resolv.conf apply.',
)

const PEM_PAIR = {
  cert: 'File with the certificate (PEM) that nodes are shown when they ask for one, and those that lead to its authority.',
  key: 'File with the private key (PEM, not encrypted) of `cert`.',
} as const

const UpstreamTlsSection = section(
  {
    ca: Type.Optional(
      text(
        'File with the authorities (PEM) that sign the certificates of nodes. Absent: the authorities of the system and those of `NODE_EXTRA_CA_CERTS`; where the system has none, those of Node.js.',
        { isPath: true },
      ),
    ),
    cert: Type.Optional(text(`${PEM_PAIR.cert} Requires \`key\`.`, { isPath: true })),
    key: Type.Optional(text(PEM_PAIR.key, { isPath: true })),
    minVersion: Type.Enum(['TLSv1.2', 'TLSv1.3'], {
      default: 'TLSv1.2',
      description: 'The oldest version of TLS that is spoken.',
    }),
    verify: Type.Boolean({
      default: true,
      description:
        'Whether the certificates of nodes are verified. With false, anyone between the gateway and a node can read and change everything; it is warned of at every start.',
    }),
    identities: Type.Record(
      Type.String(),
      closed(
        {
          cert: text(PEM_PAIR.cert, { isPath: true }),
          key: text(PEM_PAIR.key, { isPath: true }),
        },
        { title: 'certificate and key' },
      ),
      {
        propertyNames: { type: 'string', pattern: NAME_PATTERN },
        default: {},
        description:
          'Certificates by name, such as `{"billing": {"cert": "billing.pem", "key": "billing.key"}}`. `upstreamTls.identity` of a route document chooses one.',
      },
    ),
  },
  'TLS with nodes: those with the protocol `https`, `h2` or `grpcs` ([TLS](tls.md#tls-to-nodes)). Files are read again when they change.',
  { isFollowed: true },
)

export const UpstreamSection = section(
  {
    connectTimeoutMs: durationMs(
      1_000,
      'Milliseconds in which a connection to a node must be established, the look-up of its name and the handshake of TLS included. Another node is tried then, whatever the method.',
      1,
    ),
    bodyIdleTimeoutMs: durationMs(
      300_000,
      'Milliseconds of silence in the body of an answer after which the answer is aborted. The default of five minutes leaves room for slow event streams. 0: never.',
    ),
    keepAliveMs: durationMs(
      4_000,
      'How long an idle connection to a node is kept, milliseconds. The default is below the 5 s after which a Node.js server closes it, so that no request meets a closing socket.',
      1,
    ),
    maxConnectionAgeMs: durationMs(
      300_000,
      'How long a connection to a node with a name is used at most, milliseconds, so that requests reach the addresses that the name has got. Up to a fifth is taken off at random. 0: no limit.',
    ),
    dns: UpstreamDnsSection,
    connectionsPerNode: Type.Union([Type.Null(), Type.Integer(CONNECTIONS)], {
      default: null,
      description:
        'Number of HTTP/1.1 connections to one node at the same time, in each process. `null`: no limit.',
    }),
    answerHeadBytes: Type.Integer({
      default: 16_384,
      minimum: 1_024,
      maximum: 262_144,
      description:
        'Largest head of an answer. A larger one is answered 502. The default is what HAProxy and Node.js accept, and many clients accept no more.',
    }),
    http2: UpstreamHttp2Section,
    tls: UpstreamTlsSection,
  },
  'Connections to nodes.',
  { reload: 'workers' },
)
