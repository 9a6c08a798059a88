import { count, durationMs, section } from '../kit/values.ts'

/** What a client may send, and how much of the gateway one may hold. */
export const ClientLimitsSection = section(
  {
    bodyBytes: count(
      0,
      'Largest request body; more is answered 413. 0: no limit, bodies are streamed and never held in memory.',
    ),
    targetBytes: count(
      8_192,
      'Longest request target (path and query); more is answered 414. RFC 9110 recommends 8,000 at least.',
      256,
    ),
    headerBytes: count(16_384, 'Largest request head, the target included; more is answered 431.', 1_024),
    headersTimeoutMs: durationMs(
      10_000,
      'For the whole head of a request to arrive, against slow senders.',
      1,
    ),
    bodyIdleTimeoutMs: durationMs(
      30_000,
      'Silence of a client that owes the rest of a body, after which its connection is ended. 0: never.',
    ),
    sendIdleTimeoutMs: durationMs(
      30_000,
      'How long a client may take nothing of its answer before its connection is ended, and the one to the node with it. 0: for ever.',
    ),
    keepAliveTimeoutMs: durationMs(
      75_000,
      'How long an idle client connection is kept. Above the 60 s of common load balancers, so that they are the ones to close it.',
      1,
    ),
    requestsPerConnection: count(
      10_000,
      'Requests on one client connection, after which it is closed, so that load spreads anew. 0: no limit.',
    ),
    connections: count(
      20_000,
      'Client connections at once, per process; more are closed at once. 0: no limit but that of the system.',
    ),
    connectionsPerAddress: count(
      2_000,
      'The same for one address (of IPv6, one /64 network). Addresses in `trustedProxies` are not limited: put load balancers there. 0: no limit.',
    ),
  },
  'What a client may send.',
  { formerly: 'limits' },
)
