import type { TSchemaOptions } from 'typebox'
import { Type } from '../kit/type.ts'
import { closed, MAX_TIMER_MS } from '../kit/values.ts'

/** Bounds of a timeout, milliseconds. */
export const TIMEOUT = { minimum: 1, maximum: 3_600_000 } as const
const STATUS = Type.Integer({ minimum: 400, maximum: 599 })

export function tryTimeout(description: string) {
  return Type.Integer({ ...TIMEOUT, description })
}

export function retryOn(options: TSchemaOptions) {
  return Type.Array(STATUS, { ...options, uniqueItems: true })
}

export function retryBuffer(options: TSchemaOptions) {
  return Type.Integer({ ...options, minimum: 0, maximum: 1_048_576 })
}

export const FAILURE_RATIO = { exclusiveMinimum: 0, maximum: 1 } as const
/** A duration in milliseconds that a timer of Node can hold. */
const durationOf = (minimum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum: MAX_TIMER_MS, description }))
export const SLOW_CALL = Type.Union([Type.Null(), Type.Integer(TIMEOUT)])
export const BREAKER_STATUSES = Type.Union([Type.Null(), Type.Array(STATUS, { uniqueItems: true })])

export const HedgeSchema = Type.Union(
  [
    Type.Boolean(),
    closed(
      {
        afterMs: Type.Integer({
          minimum: 0,
          maximum: 3_600_000,
          description: 'Milliseconds after which a second node is asked.',
        }),
      },
      { title: 'when to hedge' },
    ),
  ],
  {
    description:
      'Whether a slow GET is also sent to a second node while the first has not answered; the first answer wins. `true`: after the time in which 95% of the recent answers of the service came. `{"afterMs": 50}`: after that time. Absent: false.',
  },
)

export const BreakerSchema = closed(
  {
    failureRatio: Type.Optional(
      Type.Number({ ...FAILURE_RATIO, description: 'Share of failed tries at which the breaker opens.' }),
    ),
    minimumRequests: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Number of tries within the window below which the ratio does not count.',
      }),
    ),
    windowMs: durationOf(100, 'How far back tries are counted, milliseconds.'),
    openMs: durationOf(10, 'How long the breaker stays open before the first probe, milliseconds.'),
    maxOpenMs: durationOf(10, 'The longest that the breaker stays open between two probes, milliseconds.'),
    slowCallMs: Type.Optional(
      Type.Unsafe<number | null>({
        ...SLOW_CALL,
        description: 'Milliseconds after which an answer counts as a failure. `null`: never.',
      }),
    ),
    statuses: Type.Optional(
      Type.Unsafe<number[] | null>({
        ...BREAKER_STATUSES,
        description: 'Statuses that count as failures. `null`: 500 and above, except 501 and 505.',
      }),
    ),
    ejectLastNode: Type.Optional(
      Type.Boolean({
        description: 'Whether a node is ejected for what it answers even if no other node does better.',
      }),
    ),
  },
  {
    description:
      "Settings of the circuit breakers of the service's nodes ([circuit breaking](circuit-breaking.md)). Fields left out come from `breaker` of the configuration. A node has one breaker for all routes: if several routes of a service have a `breaker`, the one with the first id counts.",
  },
)

export const CONCURRENT = Type.Union([
  Type.Null(),
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
])
export const LIMIT_QUEUE = Type.Union([Type.Null(), Type.Integer({ minimum: 0, maximum: 1_000_000 })])
export const LIMIT_QUEUE_MS = { minimum: 0, maximum: 60_000 } as const

export const ServiceLimitSchema = closed(
  {
    concurrent: Type.Optional(
      Type.Unsafe<number | null>({
        ...CONCURRENT,
        description:
          'Number of requests that may be in flight at the same time, in each process. `null`: no fixed limit.',
      }),
    ),
    adaptive: Type.Optional(
      Type.Boolean({ description: 'Whether the limit adapts to how long answers take.' }),
    ),
    max: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'The largest value of an adaptive limit.',
      }),
    ),
    queue: Type.Optional(
      Type.Unsafe<number | null>({
        ...LIMIT_QUEUE,
        description:
          'Number of requests that may wait while the limit is reached. `null`: half of the limit.',
      }),
    ),
    queueMs: Type.Optional(
      Type.Integer({
        ...LIMIT_QUEUE_MS,
        description: 'Milliseconds that a request waits before it is refused.',
      }),
    ),
  },
  {
    description:
      'Concurrency limit of the service ([overload](overload.md)): fixed, as in `{"concurrent": 100}`, or `{"adaptive": true}`. Requests beyond it are refused with 503. Fields left out come from `serviceLimit` of the configuration. A service has one limit for all routes: if several routes of a service have a `serviceLimit`, the one with the first id counts.',
    formerly: 'limit',
  },
)

export const StaleFallback = closed(
  {
    stale: Type.Literal(true, { description: 'Answers with the last good answer to the same request.' }),
    maxAgeSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 31_536_000,
        description: 'The largest age of the answer. Absent: 86400, a day.',
      }),
    ),
  },
  { title: 'last good answer' },
)
