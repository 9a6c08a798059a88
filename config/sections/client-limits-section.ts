import { count, durationMs, section } from '../kit/values.ts'

export const ClientLimitsSection = section(
  {
    bodyBytes: count(
      0,
      'Largest request body. A larger one is answered 413. 0: no limit; bodies are streamed and never held in memory.',
    ),
    targetBytes: count(
      8_192,
      'Longest request target (path and query). A longer one is answered 414. RFC 9110 recommends at least 8,000.',
      256,
    ),
    headerBytes: count(
      16_384,
      'Largest request head, including the target. A larger one is answered 431.',
      1_024,
    ),
    headersTimeoutMs: durationMs(10_000, 'Milliseconds in which the whole head of a request must arrive.', 1),
    bodyIdleTimeoutMs: durationMs(
      30_000,
      'Milliseconds of silence in the middle of a request body after which the connection is closed. 0: never.',
    ),
    sendIdleTimeoutMs: durationMs(
      30_000,
      'Milliseconds for which a client may read nothing of its answer. After that, its connection and the one to the node are closed. 0: no limit.',
    ),
    minBytesPerSecond: count(
      240,
      'The slowest rate, on average, at which a client may send a request body or read an answer. A slower client is disconnected after `minRateGraceMs`. WebSockets, event streams (`text/event-stream`) and routes with `allowSlowClients` are exempt. 0: no limit.',
    ),
    minRateGraceMs: durationMs(
      5_000,
      'Milliseconds that a client may stay below `minBytesPerSecond`. A client that has been faster gets more, up to `bodyIdleTimeoutMs` or `sendIdleTimeoutMs`.',
      1,
    ),
    keepAliveTimeoutMs: durationMs(
      75_000,
      'How long an idle client connection is kept, milliseconds. It must be above that of a load balancer in front, so that the balancer closes first. The default is above the 60 s of common ones.',
      1,
    ),
    requestsPerConnection: count(
      10_000,
      'Number of requests after which a client connection is closed, so that load spreads over gateways and processes again. 0: no limit.',
      0,
      { reload: 'workers' },
    ),
    connections: count(
      20_000,
      'Number of client connections at the same time, in each process. There are fewer if the process may not [open enough files](operations.md#open-files). A further one takes the place of an idle one, or is closed at once. 0: as many as the process may open.',
    ),
    connectionsPerAddress: count(
      2_000,
      'Number of connections of one client address (for IPv6, of one /64 network) at the same time, in each process. Addresses in `trustedProxies` are not limited, so list load balancers there that are not in `proxyProtocol.from`. 0: no limit.',
    ),
  },
  'What one client may send, and how much of the gateway it may hold ([client limits](client-limits.md)).',
  { formerly: 'limits', reload: 'live' },
)
