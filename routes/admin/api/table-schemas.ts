import type { Health } from '../../../internal/nodes/health.ts'
import type { BreakerState, PeerState } from '../../../internal/nodes/peer.ts'
import type {
  FeaturesPage,
  Figures,
  FiguresPage,
  Items,
  LeaseOfKey,
  LeasePage,
  NodeDetail,
  RouteDetail,
  Sample,
  ServiceDetail,
  ServiceNode,
  ServiceSummary,
  StatusPage,
} from '../api-types.ts'
import type {
  AuthPage,
  DescriptorsPage,
  LimitPage,
  ListedRoute,
  NodePage,
  RetriesPage,
  RouteList,
  ServicePage,
  ServiceState,
  WorkerPage,
} from '../page-types.ts'
import type { LastGoodValue, SourceDetails, SourceView, TableProblem } from '../views.ts'
import {
  about,
  boolean,
  dateTime,
  either,
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
  type Schema,
  string,
  tuple,
} from './json-schema.ts'

export const REVISION = about(
  nullable(string),
  'The revision of the registry; null before its first snapshot.',
)
export const TIME = about(number, 'Milliseconds since 1970.')

export function items<Item>(item: Schema<Item>): Schema<Items<Item>> {
  return object<Items<Item>>({ items: list(item) as never, next: optional(string) as never } as never)
}

const sourceFields = {
  connected: boolean,
  stale: boolean,
  ageMs: optional(number),
  revision: optional(string),
  reason: optional(string),
  drift: integer,
  relists: map(integer),
}

const SourceDetailsSchema = object<SourceDetails>({
  ...sourceFields,
  name: string,
  scope: oneOf(
    'nodes',
    'routes',
    'api-keys',
    'revocations',
    'descriptors',
    'certificates',
    'acme-challenges',
    'policies',
  ),
})

const { revision: _, ...withoutRevision } = sourceFields
export const SourceSchema = named(
  'Source',
  object<Omit<SourceView, 'revision'>>({
    ...withoutRevision,
    registry: string,
    skipped: integer,
    suspects: integer,
    sources: list(SourceDetailsSchema),
  }),
)

const LastGood = object<LastGoodValue>({ revision: string, since: dateTime })

export const ProblemSchema = named(
  'Problem',
  object<TableProblem>({ key: string, reason: string, lastGood: optional(LastGood) }),
)

const Worker = object<WorkerPage>({ pid: integer, revision: REVISION, connected: boolean, stale: boolean })

const Features = object<FeaturesPage>({
  tail: about(boolean, 'Whether requests are remembered.'),
  dashboard: boolean,
  traceUrl: about(nullable(string), 'A link to a trace, with {traceId} in it.'),
})

export const Status = named(
  'Status',
  object<StatusPage>({
    version: string,
    name: string,
    pid: integer,
    startedAt: dateTime,
    ready: boolean,
    revision: REVISION,
    source: SourceSchema,
    problems: integer,
    role: oneOf('metrics', 'register', 'read', 'operate'),
    features: Features,
    workers: optional(list(Worker)),
  }),
)

export const P50 = about(nullable(number), 'The median, milliseconds.')
export const P99 = about(nullable(number), 'The 99th percentile, milliseconds.')
export const FiguresSchema = named(
  'Figures',
  about(
    tuple<Figures>(integer, integer, integer, P50, P99, optional(integer)),
    'Since the sample before: requests, those with status 4xx, those with 5xx, the median and the 99th percentile in milliseconds, and tries beyond the first ones, absent when there were none.',
  ),
)
const SampleSchema = named('Sample', object<Sample>({ t: TIME, figures: FiguresSchema }))
const samples = list(SampleSchema)

export const FiguresAnswer = named(
  'FiguresPage',
  object<FiguresPage>({ stepMs: integer, total: samples, routes: map(samples), services: map(samples) }),
)

export const STATE: Schema<PeerState> = oneOf('up', 'draining', 'down', 'suspect')
export const BREAKER: Schema<BreakerState> = oneOf('closed', 'open', 'half-open')
export const HEALTH: Schema<Health> = oneOf('unchecked', 'healthy', 'unhealthy')

const nodeFields = {
  id: string,
  address: string,
  weight: number,
  metadata: map(string),
  protocol: optional(string),
  lane: optional(oneOf('http', 'grpc')),
  sessions: optional(integer),
  state: STATE,
  breaker: BREAKER,
  health: HEALTH,
  inFlight: integer,
  requests: integer,
  failures: integer,
  timeouts: integer,
  problem: optional(string),
}
const Node = named('Node', object<NodePage>(nodeFields))
export const NodeItem = named('ServiceNode', object<ServiceNode>({ ...nodeFields, service: string }))

const leaseFields = {
  id: about(string, 'In hexadecimal, as etcdctl prints it.'),
  ttlSeconds: integer,
  leftSeconds: integer,
}

export const NodeAnswer = named(
  'NodeDetail',
  object<NodeDetail>({
    ...nodeFields,
    service: string,
    p50: P50,
    p99: P99,
    key: nullable(string),
    lease: optional(
      about(
        nullable(object<LeaseOfKey>(leaseFields)),
        'Null where the key has none; absent while the registry cannot be asked.',
      ),
    ),
  }),
)

export const Lease = named('Lease', object<LeasePage>({ ...leaseFields, keys: list(string) }))

const serviceFields = {
  name: string,
  panicking: boolean,
  retries: object<RetriesPage>({
    budget: oneOf('available', 'exhausted'),
    inFlight: integer,
    begun: integer,
    hedges: integer,
    refused: integer,
  }),
  limit: optional(
    object<LimitPage>({
      kind: oneOf('static', 'adaptive'),
      limit: number,
      inFlight: integer,
      queued: integer,
    }),
  ),
  descriptors: optional(
    object<DescriptorsPage>({
      source: nullable(oneOf('etcd', 'file', 'reflection', 'disk')),
      from: optional(string),
      methods: integer,
      problems: list(string),
    }),
  ),
} satisfies Parameters<typeof object<ServiceState>>[0]

export const ServicePageSchema = named(
  'Service',
  object<ServicePage>({ ...serviceFields, nodes: list(Node) }),
)

export const ServiceAnswer = named(
  'ServiceDetail',
  object<ServiceDetail>({
    ...serviceFields,
    nodes: list(Node),
    routes: about(list(string), 'The ids of routes that send requests to it.'),
    problems: list(ProblemSchema),
    samples,
  }),
)

export const ServiceItem = named(
  'ServiceSummary',
  object<ServiceSummary>({ ...serviceFields, routes: list(string), nodes: integer, usable: integer }),
)

const auth: Schema<AuthPage> = either(string, map({ json: { type: 'object' } } as Schema<object>))
const routeFields = {
  id: string,
  origin: oneOf('etcd', 'file', 'auto'),
  path: string,
  methods: about(nullable(list(string)), 'Null: all.'),
  hosts: about(nullable(list(string)), 'Null: all.'),
  service: string,
  auth: either(auth, list(auth)),
  broken: optional(literal(true)),
  lastGood: optional(LastGood),
  requests: about(integer, 'Since the start.'),
  failures: about(integer, 'Those that were answered 5xx.'),
}
export const RouteSchema = named('Route', object<ListedRoute>(routeFields, { isOpen: true }))

export const Routes = named(
  'RouteList',
  object<RouteList>({
    revision: REVISION,
    source: SourceSchema,
    defaultAuth: nullable(oneOf('jwt', 'none')),
    routes: list(RouteSchema),
    services: list(ServicePageSchema),
    problems: list(ProblemSchema),
    workers: optional(list(Worker)),
  }),
)

export const RouteAnswer = named(
  'RouteDetail',
  object<RouteDetail>({
    route: object<RouteDetail['route']>({ ...routeFields, nodes: list(Node) }, { isOpen: true }),
    document: nullable(
      object<NonNullable<RouteDetail['document']>>({ text: string, key: string, revision: string }),
    ),
    problems: list(ProblemSchema),
    samples,
  }),
)
