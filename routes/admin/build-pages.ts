import { laneOf, speaksHttp1 } from '../../internal/nodes/node.ts'
import type { NodeTable, WholeService } from '../../internal/nodes/node-table.ts'
import { type Peer, stateOf as stateOfPeer } from '../../internal/nodes/peer.ts'
import type { Route } from '../../internal/routing/route.ts'
import type { ExplainPage, ExplainQuestion } from './explain.ts'
import type { LimitsView, LimitView } from './metrics/limit-metrics.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { RouteCounts } from './metrics/request-counts.ts'
import type {
  DescribedRoute,
  DescriptorsPage,
  LimitPage,
  MethodsPage,
  NodePage,
  OwnPages,
  ServicePage,
  ServiceState,
} from './page-types.ts'
import { Turns } from './turns.ts'
import type { BudgetsView, BudgetView, HealthView, TableView } from './views.ts'

/** What is known of the gRPC methods of services. */
export interface MethodsView {
  /** Returns a function that describes one of many services; it returns undefined for one without nodes of gRPC. */
  summaries(): (service: string) => DescriptorsPage | undefined
  /** Describes the methods of one service; undefined when it has no nodes of gRPC. */
  methods(service: string): MethodsPage | undefined
}

export interface TablePagesOptions {
  readonly nodes: NodeTable
  readonly table: TableView
  readonly limits: LimitsView
  readonly metrics: Metrics
  readonly health: HealthView
  readonly budgets: BudgetsView
  readonly methods: MethodsView
  /** Describes a route as a route document would, with the values in force. The object returned is changed here. */
  readonly describeRoute: (route: Route) => DescribedRoute
  /** Says what would happen to a request. */
  readonly explain: (question: ExplainQuestion) => Promise<ExplainPage>
  /** Whether a table is loaded and shutdown has not begun. */
  readonly isReady: () => boolean
}

/** Makes the pages of this process for the admin listener. */
export function createTablePages({
  nodes,
  table,
  limits,
  metrics,
  health,
  budgets,
  methods,
  describeRoute,
  explain,
  isReady,
}: TablePagesOptions): OwnPages {
  /** Reads the nodes of all services, in turns: those of a table of thousands take long. */
  async function services(): Promise<ServicePage[]> {
    const turns = new Turns()
    const descriptorsOf = methods.summaries()
    const pages: ServicePage[] = []
    for (const service of [...nodes.services()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const { name, peers } = service
      const descriptors = descriptorsOf(name)
      const state = describeServiceState(service, budgets.get(name), limits.of(name))
      const problems = table.nodeProblems(name)
      const listed: NodePage[] = []
      for (const peer of peers) {
        listed.push(describeNode(peer, problems))
        if (turns.isOver) await turns.next()
      }
      pages.push({ ...state, ...(descriptors && { descriptors }), nodes: listed })
      if (turns.isOver) await turns.next()
    }
    return pages
  }
  return {
    isReady,
    explain,
    check: async ({ id, document }) => table.judge(id, document),
    metrics: format => metrics.render(format),
    metricValues: () => metrics.values(),
    services: async () => ({ services: await services() }),
    methods: async service => methods.methods(service),
    // Everything that changes is read before the first byte is sent, so that a page is of one moment however long its
    // reader takes. Making text of it takes longer, and is done while it is sent.
    async routes() {
      const { revision, ...source } = table.source()
      const counts = metrics.countsByRoute()
      const lastGood = table.lastGood().routes
      return {
        revision: revision ?? null,
        source,
        defaultAuth: table.defaultAuth,
        services: await services(),
        problems: [...table.problems(), ...table.warnings(), ...health.problems()],
        routes: await inTurns(table.routes(), route =>
          Object.assign(
            describeRoute(route),
            counts.get(route.id) ?? NO_REQUESTS,
            lastGood.has(route.id) && { lastGood: lastGood.get(route.id) },
          ),
        ),
      }
    },
  }
}

/** Describes a service without its nodes. */
export function describeServiceState(
  { name, isPanicking }: WholeService,
  budget: BudgetView = NO_RETRIES,
  limit: LimitView | undefined,
): ServiceState {
  const { isExhausted, retrying, retries, hedges, refused } = budget
  return {
    name,
    panicking: isPanicking,
    retries: {
      budget: isExhausted ? 'exhausted' : 'available',
      inFlight: retrying,
      begun: retries,
      hedges,
      refused,
    },
    ...(limit && { limit: describeLimit(limit) }),
  }
}

function describeLimit({ kind, limit, inFlight, queued }: LimitView): LimitPage {
  return { kind, limit, inFlight, queued }
}

async function inTurns<From, To>(items: readonly From[], map: (item: From) => To): Promise<To[]> {
  const turns = new Turns()
  const mapped: To[] = []
  for (const item of items) {
    mapped.push(map(item))
    if (turns.isOver) await turns.next()
  }
  return mapped
}

export const NO_REQUESTS: RouteCounts = { requests: 0, failures: 0 }

const NO_RETRIES: BudgetView = { isExhausted: false, retrying: 0, retries: 0, hedges: 0, refused: 0 }

function describeProtocol({ node, sessions }: Peer): Pick<NodePage, 'protocol' | 'lane' | 'sessions'> {
  const { protocol } = node
  if (protocol === undefined) return NO_PROTOCOL
  const lane = laneOf(node)
  return { protocol, ...(lane && { lane, ...(!speaksHttp1(node) && { sessions: sessions ?? 0 }) }) }
}

const NO_PROTOCOL = {}

/** @param problems of the nodes of its service, by id */
export function describeNode(peer: Peer, problems: ReadonlyMap<string, string> | undefined): NodePage {
  const problem = peer.problem?.reason ?? problems?.get(peer.node.id)
  return {
    id: peer.node.id,
    address: peer.address,
    weight: peer.node.weight,
    metadata: peer.node.metadata,
    ...describeProtocol(peer),
    state: stateOfPeer(peer),
    breaker: peer.breaker,
    health: peer.health,
    inFlight: peer.inFlight,
    requests: peer.requests,
    failures: peer.failures,
    timeouts: peer.timeouts,
    ...(problem !== undefined && { problem }),
  }
}
