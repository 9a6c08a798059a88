import type {
  ChangeEntry,
  LiveBye,
  LiveFigures,
  LiveProblems,
  LiveRequests,
  LiveTablePart,
  NodeFigures,
  OpenCall,
  RequestDetail,
  RequestEntry,
  TryEntry,
} from '../api-types.ts'
import type { CheckPage, ExplainNode, ExplainPage, ExplainStep } from '../explain.ts'
import {
  about,
  boolean,
  integer,
  list,
  literal,
  map,
  named,
  nullable,
  number,
  object,
  oneOf,
  optional,
  string,
  tuple,
  unknown,
} from './json-schema.ts'
import {
  BREAKER,
  FiguresSchema,
  HEALTH,
  items,
  P50,
  P99,
  ProblemSchema,
  REVISION,
  RouteSchema,
  ServicePageSchema,
  SourceSchema,
  STATE,
  TIME,
} from './table-schemas.ts'

const Try = named(
  'Try',
  object<TryEntry>({ service: string, node: string, startMs: number, ms: number, outcome: string }),
)

export const RequestItem = named(
  'Request',
  object<RequestEntry>({
    requestId: string,
    at: TIME,
    method: string,
    host: optional(string),
    path: string,
    http: oneOf('1.0', '1.1', '2'),
    status: integer,
    totalMs: number,
    upstreamMs: optional(number),
    attempts: integer,
    route: optional(string),
    service: optional(string),
    node: optional(string),
    address: optional(string),
    client: optional(string),
    user: optional(string),
    code: optional(string),
    reason: optional(string),
    fallback: optional(literal(true)),
    rpc: optional(string),
    grpcStatus: optional(integer),
    policy: optional(string),
    variant: optional(string),
    traceId: optional(string),
    revision: optional(string),
    tries: optional(list(Try)),
  }),
)

export const Explanation = named(
  'Explanation',
  object<ExplainPage>({
    steps: list(object<ExplainStep>({ step: string, ok: boolean, text: string, detail: optional(unknown) })),
    route: nullable(object<NonNullable<ExplainPage['route']>>({ id: string }, { isOpen: true })),
    candidates: list(
      object<ExplainPage['candidates'][number]>({ id: string, fits: boolean, lost: nullable(string) }),
    ),
    nodes: list(
      object<ExplainNode>({
        id: string,
        share: about(number, 'In percent.'),
        eligible: boolean,
        why: optional(string),
      }),
    ),
    wouldAnswer: nullable(
      object<NonNullable<ExplainPage['wouldAnswer']>>({ status: integer, code: optional(string) }),
    ),
    revision: REVISION,
  }),
)

export const RequestAnswer = named(
  'RequestDetail',
  object<RequestDetail>({ request: RequestItem, tries: list(Try), explain: nullable(Explanation) }),
)

export const OpenCallItem = named(
  'OpenCall',
  object<OpenCall>({
    requestId: string,
    method: string,
    path: string,
    ms: number,
    route: optional(string),
    service: optional(string),
    node: optional(string),
    attempts: integer,
    upgraded: optional(literal(true)),
  }),
)

export const Change = named(
  'Change',
  object<ChangeEntry>({
    revision: string,
    at: TIME,
    source: string,
    kind: oneOf('node', 'route', 'policy-set', 'api-key', 'revocation', 'descriptors', 'certificate'),
    key: string,
    id: string,
    service: optional(string),
    before: nullable(string),
    after: nullable(string),
  }),
)

export const Judgement = named(
  'Judgement',
  object<CheckPage>({ problems: list(string), warnings: list(string) }),
)

/** The data of each event of the stream. */
export const LIVE_EVENTS = {
  table: named(
    'LiveTable',
    object<LiveTablePart>({
      revision: REVISION,
      whole: boolean,
      routes: list(RouteSchema),
      services: list(ServicePageSchema),
      gone: object<LiveTablePart['gone']>({ routes: list(string), services: list(string) }),
    }),
  ),
  source: SourceSchema,
  problem: named<LiveProblems>('LiveProblems', items(ProblemSchema)),
  figures: named(
    'LiveFigures',
    object<LiveFigures>({
      t: TIME,
      omitted: optional(
        about(
          oneOf('none', 'unknown'),
          'What the rows are that are left out. Absent: as in the event before. none: without requests, and nodes are well. unknown: there are too many, and those with fewer requests are left out.',
        ),
      ),
      total: FiguresSchema,
      inFlight: integer,
      retries: integer,
      routes: map(FiguresSchema),
      services: map(FiguresSchema),
      nodes: map(tuple<NodeFigures>(integer, integer, integer, P50, P99, BREAKER, HEALTH, STATE)),
    }),
  ),
  change: Change,
  requests: named(
    'LiveRequests',
    object<LiveRequests>({ items: list(RequestItem), lost: integer, perSecond: optional(number) }),
  ),
  bye: named('LiveBye', object<LiveBye>({ reason: string })),
} as const
