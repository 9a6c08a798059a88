import { Type } from '../kit/type.ts'
import { count, section } from '../kit/values.ts'

const MAX_WINDOW_BYTES = 16 * 1024 * 1024

export const Http2Section = section(
  {
    enabled: Type.Boolean({
      default: true,
      description: 'Whether clients may speak HTTP/2. If not, those that try get 400.',
    }),
    cleartext: Type.Boolean({
      default: true,
      description:
        'Whether clients may speak HTTP/2 without TLS, by prior knowledge (`curl --http2-prior-knowledge`, gRPC without TLS). `Upgrade: h2c` is ignored either way.',
    }),
    concurrentStreams: Type.Integer({
      default: 250,
      minimum: 1,
      maximum: 10_000,
      description:
        'Number of requests that one client connection may have in flight. Further ones are refused with `REFUSED_STREAM`, so that the client repeats them.',
    }),
    streamWindowBytes: Type.Integer({
      default: 65_536,
      minimum: 65_535,
      maximum: MAX_WINDOW_BYTES,
      description:
        'Bytes of one request body that a client may send before a node takes them. The window of an upload that its node takes quickly grows to a quarter of `connectionWindowBytes`, and to 1 MiB at most.',
    }),
    connectionWindowBytes: Type.Integer({
      default: 1_048_576,
      minimum: 65_535,
      maximum: MAX_WINDOW_BYTES,
      description: 'The same for all request bodies of one client connection together.',
    }),
    bufferedBytes: Type.Integer({
      default: 67_108_864,
      minimum: 1_048_576,
      maximum: 1_073_741_824,
      description:
        'Bytes of bodies that this process may hold for all HTTP/2 clients. While it holds more, connections that hold more than their share get no new requests (`REFUSED_STREAM`), and may send no more of their bodies. While it holds twice as much, the connection that holds most loses the requests whose bodies are held.',
    }),
    earlyResets: section(
      {
        burst: count(1_000, 'Resets that a connection may send at once.'),
        perSecond: count(200, 'Resets that it may send each second in the long run.'),
      },
      'How often the clients of one connection may take requests back before their answers have begun. Beyond that, the connection ends with `ENHANCE_YOUR_CALM` (rapid reset, CVE-2023-44487). A burst of 0: no limit.',
    ),
  },
  'HTTP/2 for clients ([gRPC and HTTP/2](grpc.md)).',
  { reload: 'workers' },
)
