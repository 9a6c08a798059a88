import Type from 'typebox'

/** Milliseconds of a timeout. */
export const TIMEOUT = { minimum: 1, maximum: 3_600_000 } as const
const STATUS = Type.Integer({ minimum: 400, maximum: 599 })

/** A timeout, the limit of one try. */
export function tryTimeout(description: string) {
  return Type.Integer({ ...TIMEOUT, description })
}

/** Statuses of answers that are not the last word. */
export function retryOn(options: Type.TSchemaOptions) {
  return Type.Array(STATUS, { ...options, uniqueItems: true })
}

/** Bytes of a request's body that are kept. */
export function retryBuffer(options: Type.TSchemaOptions) {
  return Type.Integer({ ...options, minimum: 0, maximum: 1_048_576 })
}

export const FAILURE_RATIO = { exclusiveMinimum: 0, maximum: 1 } as const
/** Milliseconds, as long as a timer of Node can wait. */
const durationOf = (minimum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum: 2_147_483_647, description }))
export const SLOW_CALL = Type.Union([Type.Null(), Type.Integer(TIMEOUT)])
export const BREAKER_STATUSES = Type.Union([Type.Null(), Type.Array(STATUS, { uniqueItems: true })])

/** When a second node is asked beside the first. */
export const HedgeSchema = Type.Union(
  [
    Type.Boolean(),
    Type.Object(
      {
        afterMs: Type.Integer({
          minimum: 0,
          maximum: 3_600_000,
          description: 'How long the first node has, milliseconds.',
        }),
      },
      { additionalProperties: false, title: 'when' },
    ),
  ],
  {
    description:
      'For GET: whether a second node is asked while the first has not answered. `true`: after as long as 95% of the answers of the service took of late; `{"afterMs": 50}`: after that time. The first answer wins. Absent: false.',
  },
)

/** What a route says of its service's breakers. */
export const BreakerSchema = Type.Object(
  {
    failureRatio: Type.Optional(
      Type.Number({ ...FAILURE_RATIO, description: 'Share of failed requests at which a node is left out.' }),
    ),
    minimumRequests: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Requests within the window before the ratio counts.',
      }),
    ),
    windowMs: durationOf(100, 'How far back requests are counted, milliseconds.'),
    openMs: durationOf(10, 'How long a node is left out at first, milliseconds.'),
    maxOpenMs: durationOf(10, 'The longest it is, milliseconds.'),
    slowCallMs: Type.Optional(
      Type.Unsafe<number | null>({
        ...SLOW_CALL,
        description: 'Answers that take longer count as failures, milliseconds. `null`: none does.',
      }),
    ),
    statuses: Type.Optional(
      Type.Unsafe<number[] | null>({
        ...BREAKER_STATUSES,
        description: 'Statuses that count as failures. `null`: 500 and above, but 501 and 505.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description:
      "When the service's failing nodes get no more requests; what is absent is as in `breaker` of the configuration. A node has one breaker for all routes: of several routes of a service with a `breaker`, the one with the first id counts.",
  },
)

export const CONCURRENT = Type.Union([
  Type.Null(),
  Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
])
export const LIMIT_QUEUE = Type.Union([Type.Null(), Type.Integer({ minimum: 0, maximum: 1_000_000 })])
export const LIMIT_QUEUE_MS = { minimum: 0, maximum: 60_000 } as const

/** What a route says of how much of its service may be under way. */
export const ServiceLimitSchema = Type.Object(
  {
    concurrent: Type.Optional(
      Type.Unsafe<number | null>({
        ...CONCURRENT,
        description: 'Requests under way at the same time, in each process. `null`: no fixed limit.',
      }),
    ),
    adaptive: Type.Optional(
      Type.Boolean({ description: 'Whether the limit is found by how long answers take.' }),
    ),
    max: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'The largest limit that is found.',
      }),
    ),
    queue: Type.Optional(
      Type.Unsafe<number | null>({
        ...LIMIT_QUEUE,
        description: 'How many requests may wait for a place. `null`: half as many as the limit.',
      }),
    ),
    queueMs: Type.Optional(
      Type.Integer({ ...LIMIT_QUEUE_MS, description: 'The longest that one waits, milliseconds.' }),
    ),
  },
  {
    additionalProperties: false,
    description:
      'How much of the service may be under way at the same time: `{"concurrent": 100}`, or `{"adaptive": true}`; what is absent is as in `serviceLimit` of the configuration. Beyond it, 503. A service has one limit for all routes: of several routes of a service with a `serviceLimit`, the one with the first id counts.',
    formerly: 'limit',
  },
)

/** What a node answered before. */
export const StaleFallback = Type.Object(
  {
    stale: Type.Literal(true, { description: 'The last good answer to the same request.' }),
    maxAgeSeconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 31_536_000,
        description: 'How old it may be. Absent: 86400, a day.',
      }),
    ),
  },
  { additionalProperties: false, title: 'last good answer' },
)
