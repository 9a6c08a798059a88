import { Type } from '../kit/type.ts'
import { count, durationMs, section } from '../kit/values.ts'
import {
  BREAKER_STATUSES,
  CONCURRENT,
  FAILURE_RATIO,
  LIMIT_QUEUE,
  LIMIT_QUEUE_MS,
  SLOW_CALL,
} from '../route/resilience-schema.ts'

export const BreakerSection = section(
  {
    failureRatio: Type.Number({
      default: 0.5,
      ...FAILURE_RATIO,
      description: 'Share of failed tries, 0..1, at which the breaker of a node opens.',
    }),
    minimumRequests: count(
      10,
      'Number of tries within the window below which the ratio does not count, since one failure of one try says little. The breaker opens at once after this many tries in a row without a connection, whatever the ratio, and after half as many in a row that were not answered in time (at least 5, and never more than this number).',
      1,
    ),
    windowMs: durationMs(10_000, 'How far back tries are counted, milliseconds.', 100),
    openMs: durationMs(
      5_000,
      'How long the breaker stays open before the first probe, milliseconds. The time doubles after each probe that fails.',
      10,
    ),
    maxOpenMs: durationMs(
      30_000,
      'The longest that the breaker stays open between two probes, milliseconds.',
      10,
    ),
    slowCallMs: Type.Unsafe<number | null>({
      ...SLOW_CALL,
      default: null,
      description: 'Milliseconds after which the head of an answer counts as a failure. `null`: never.',
    }),
    statuses: Type.Unsafe<number[] | null>({
      ...BREAKER_STATUSES,
      default: null,
      description:
        'Statuses that count as failures. `null`: 500 and above, except 501 and 505, which say nothing about the node.',
    }),
    ejectLastNode: Type.Boolean({
      default: false,
      description:
        'Whether a node is ejected for what it answers even if no other node does better, the only node of a service among them. Clients are then refused, or get the `fallback`, while every node fails. But requests that fail on every node, which any client may send, then eject all nodes.',
    }),
  },
  'The circuit breakers, one for each node, that stop sending requests to a failing node ([circuit breaking](circuit-breaking.md)).',
  { reload: 'live' },
)

export const ServiceLimitSection = section(
  {
    concurrent: Type.Unsafe<number | null>({
      ...CONCURRENT,
      default: null,
      description: 'Number of requests that may be in flight at the same time. `null`: no fixed limit.',
    }),
    adaptive: Type.Boolean({
      default: false,
      description:
        'Whether the limit adapts to how long answers take: it shrinks while they take longer than they need to.',
    }),
    max: count(1_000, 'The largest value of an adaptive limit.', 1),
    queue: Type.Unsafe<number | null>({
      ...LIMIT_QUEUE,
      default: null,
      description: 'Number of requests that may wait while the limit is reached. `null`: half of the limit.',
    }),
    queueMs: Type.Integer({
      ...LIMIT_QUEUE_MS,
      default: 25,
      description: 'Milliseconds that a request waits before it is refused. 0: it does not wait.',
    }),
  },
  'The concurrency limit of each service, in each process. Requests beyond it are refused with 503 ([overload](overload.md)).',
  { formerly: 'limit', reload: 'live' },
)

export const OverloadSection = section(
  {
    loopDelayMs: Type.Integer({
      default: 50,
      minimum: 0,
      maximum: 60_000,
      description:
        'Milliseconds that a turn of the event loop may take. While every turn takes longer for half a second, the gateway refuses some of the requests. 0: it never does.',
    }),
  },
  'Protection of the gateway itself against overload.',
  { reload: 'live' },
)

export const StaleAnswersSection = section(
  {
    totalBytes: count(
      16_777_216,
      'Memory for all answers that are kept. The least recently used ones are dropped first.',
    ),
    answerBytes: count(262_144, 'The largest answer that is kept.'),
  },
  'The answers kept for routes with the fallback `{"stale": true}` ([fallbacks](fallbacks.md)).',
  { reload: 'workers' },
)

export const MirrorsSection = section(
  {
    totalBytes: count(
      16_777_216,
      'Memory for the bodies of all copies. Requests whose body finds no place are not copied.',
    ),
  },
  'The copies of requests that routes send to other services ([mirror](policies/mirror.md)).',
  { reload: 'workers' },
)
