import Type from 'typebox'
import { BREAKER_STATUSES, FAILURE_RATIO, SLOW_CALL } from './resilience-schema.ts'
import { count, durationMs, section } from './values.ts'

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
      'Requests within the window before the ratio counts: one failure of one request says little. As many in a row without a connection leave a node out at once, whatever the ratio.',
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

/** `staleAnswers` */
export const StaleAnswersSection = section(
  {
    totalBytes: count(16_777_216, 'Memory for all of them; those not used for the longest time make room.'),
    answerBytes: count(262_144, 'The largest answer that is kept.'),
  },
  'The answers that routes with the fallback `{"stale": true}` keep.',
)
