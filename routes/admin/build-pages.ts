import type { NodeTable, ServicePeers } from '../../internal/nodes/node-table.ts'
import { type Peer, stateOf as stateOfPeer } from '../../internal/nodes/peer.ts'
import type { AuthRule, Route, RouteAuth } from '../../internal/routing/route.ts'
import type { LimitsView, LimitView } from './limit-metrics.ts'
import type { Metrics } from './metrics.ts'
import type {
  AuthPage,
  LimitPage,
  ListedRoute,
  NodePage,
  OwnPages,
  RoutePage,
  ServiceState,
} from './page-types.ts'
import type { BudgetsView, BudgetView, HealthView, TableView } from './views.ts'

export interface TablePagesOptions {
  readonly nodes: NodeTable
  readonly table: TableView
  readonly limits: LimitsView
  readonly metrics: Metrics
  readonly health: HealthView
  readonly budgets: BudgetsView
  /** Whether a table is loaded and shutdown has not begun. */
  readonly isReady: () => boolean
}

/** What the table and the counts of this process look like on the admin listener. */
export function createTablePages({
  nodes,
  table,
  limits,
  metrics,
  health,
  budgets,
  isReady,
}: TablePagesOptions): OwnPages {
  const services = () =>
    [...nodes.services()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(service => ({
        ...describeState(service, budgets.get(service.name), limits.of(service.name)),
        nodes: service.peers.map(describeNode),
      }))
  return {
    isReady,
    metrics: () => metrics.render(),
    metricValues: () => metrics.values(),
    services: async () => ({ services: services() }),
    // All of it at once, so that a page is of one moment however long its reader takes; making text of it takes longer,
    // and is done while it is sent.
    async routes() {
      const { revision, ...source } = table.source()
      return {
        revision: revision ?? null,
        source,
        routes: table.routes().map(describeRoute),
        services: services(),
        problems: [...table.problems(), ...health.problems()],
      }
    },
  }
}

function describeRoute(route: Route): ListedRoute {
  return {
    id: route.id,
    origin: route.origin,
    path: route.path,
    methods: route.methods ?? null,
    hosts: route.hosts ?? null,
    service: route.service,
    auth: describeAuth(route.auth),
    stripPrefix: route.stripPrefix,
    timeoutMs: route.timeoutMs,
    retries: route.retries ?? null,
    balancer: describeBalancer(route),
    priority: route.priority,
    fallback: route.fallback?.type ?? null,
  }
}

function describeState(
  { name, isPanicking }: ServicePeers,
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

const NO_RETRIES: BudgetView = { isExhausted: false, retrying: 0, retries: 0, hedges: 0, refused: 0 }

function describeNode(peer: Peer): NodePage {
  return {
    id: peer.node.id,
    address: peer.address,
    weight: peer.node.weight,
    metadata: peer.node.metadata,
    ...(peer.node.protocol !== undefined && { protocol: peer.node.protocol }),
    state: stateOfPeer(peer),
    breaker: peer.breaker,
    health: peer.health,
    inFlight: peer.inFlight,
    requests: peer.requests,
    failures: peer.failures,
    timeouts: peer.timeouts,
  }
}

/** Returns the balancer of a route as a route document writes it. */
function describeBalancer({
  balancer,
  hashKey,
  stickyCookie,
}: Route): string | Readonly<Record<string, object>> {
  if (hashKey)
    return { [balancer]: hashKey.from === 'address' ? { address: true } : { [hashKey.from]: hashKey.name } }
  return stickyCookie?.name === undefined ? balancer : { [balancer]: { cookie: stickyCookie.name } }
}

/** As a route document writes it. */
function describeAuth(auth: RouteAuth): RoutePage['auth'] {
  if (auth.type === 'none') return 'none'
  return auth.type === 'any' ? auth.rules.map(describeRule) : describeRule(auth)
}

function describeRule({ type, scopes, roles, claims }: AuthRule): AuthPage {
  if (scopes.length === 0 && roles.length === 0 && !claims) return type
  const named = claims?.map(({ path, values }) => [path, values.length === 1 ? values[0] : values] as const)
  return { [type]: { scopes, roles, ...(named && { claims: Object.fromEntries(named) }) } }
}
