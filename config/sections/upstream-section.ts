import { Type } from '../kit/type.ts'
import { count, durationMs, section } from '../kit/values.ts'

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
        'Bytes of one answer that a node may send before the client has taken them, so also what is held for a client that reads nothing.',
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
  'Connections to nodes that speak HTTP/2: those with the protocol `grpc` or `h2c`.',
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

export const UpstreamSection = section(
  {
    connectTimeoutMs: durationMs(
      1_000,
      'Milliseconds in which a connection to a node must be established, its name being looked up included. Another node is tried then, whatever the method.',
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
  },
  'Connections to nodes.',
)
