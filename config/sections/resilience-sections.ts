import Type from 'typebox'
import { count, durationMs, section } from '../kit/values.ts'
import {
  BREAKER_STATUSES,
  CONCURRENT,
  FAILURE_RATIO,
  LIMIT_QUEUE,
  LIMIT_QUEUE_MS,
  SLOW_CALL,
} from '../route/resilience-schema.ts'

/** `breaker` */
export const BreakerSection = section(
  {
    failureRatio: Type.Number({
      default: 0.5,
      ...FAILURE_RATIO,
      description: 'Share of failed requests, 0..1, at which a node is left out.',
    }),
    minimumRequests: count(
      10,
      'Requests within the window before the ratio counts: one failure of one request says little. As many in a row without a connection leave a node out at once, whatever the ratio, and so do half as many (5 where that is less) that are not answered in time.',
      1,
    ),
    windowMs: durationMs(10_000, 'How far back requests are counted.', 100),
    openMs: durationMs(
      5_000,
      'How long a node is left out before one request tries it again; twice as long after each that fails.',
      10,
    ),
    maxOpenMs: durationMs(30_000, 'The longest a node is left out before it is tried again.', 10),
    slowCallMs: Type.Unsafe<number | null>({
      ...SLOW_CALL,
      default: null,
      description: 'Answers whose head takes longer count as failures. `null`: none does.',
    }),
    statuses: Type.Unsafe<number[] | null>({
      ...BREAKER_STATUSES,
      default: null,
      description:
        'Statuses that count as failures. `null`: 500 and above, but 501 and 505, which say nothing of a node.',
    }),
  },
  'When a failing node gets no more requests. Every node has a breaker of its own.',
)

/** `serviceLimit` */
export const ServiceLimitSection = section(
  {
    concurrent: Type.Unsafe<number | null>({
      ...CONCURRENT,
      default: null,
      description: 'Requests under way at the same time. `null`: no fixed limit.',
    }),
    adaptive: Type.Boolean({
      default: false,
      description:
        'Whether the limit is found by how long answers take: it shrinks while they take longer than they need to.',
    }),
    max: count(1_000, 'The largest limit that is found.', 1),
    queue: Type.Unsafe<number | null>({
      ...LIMIT_QUEUE,
      default: null,
      description: 'How many requests may wait for a place. `null`: half as many as the limit.',
    }),
    queueMs: Type.Integer({
      ...LIMIT_QUEUE_MS,
      default: 25,
      description: 'The longest that one waits before it is refused. 0: none does.',
    }),
  },
  'How much of each service may be under way at the same time, in each process. Beyond it, 503.',
  { formerly: 'limit' },
)

/** `overload` */
export const OverloadSection = section(
  {
    loopDelayMs: Type.Integer({
      default: 50,
      minimum: 0,
      maximum: 60_000,
      description:
        'The gateway refuses part of what comes while each turn of its event loop takes longer, for half a second. 0: never.',
    }),
  },
  'When the gateway itself has too much to do.',
)

/** `staleAnswers` */
export const StaleAnswersSection = section(
  {
    totalBytes: count(16_777_216, 'Memory for all of them; those not used for the longest time make room.'),
    answerBytes: count(262_144, 'The largest answer that is kept.'),
  },
  'The answers that routes with the fallback `{"stale": true}` keep.',
)
