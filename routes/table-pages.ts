import { describeBalancer } from '../internal/affinity.ts'
import type { NodeTable, ServicePeers } from '../internal/node-table.ts'
import { type Peer, stateOf } from '../internal/peer.ts'
import type { Route, RouteAuth } from '../internal/route.ts'
import type { LimitPage, NodePage, OwnPages, RoutePage, ServicePage } from './admin-pages.ts'
import type { LimitsView } from './limit-metrics.ts'
import type { Metrics } from './metrics.ts'
import type { TableView } from './table-view.ts'

export interface TablePagesOptions {
  readonly nodes: NodeTable
  readonly table: TableView
  readonly limits: LimitsView
  readonly metrics: Metrics
  /** Whether a table is loaded and shutdown has not begun. */
  readonly isReady: () => boolean
}

/** What the table and the counts of this process look like on the admin listener. */
export function createTablePages({ nodes, table, limits, metrics, isReady }: TablePagesOptions): OwnPages {
  return {
    isReady,
    metrics: () => metrics.render(),
    metricValues: () => metrics.values(),
    services: async () => ({
      services: [...nodes.services()]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(service => describeService(service, limits)),
    }),
    async routes() {
      const { revision, ...source } = table.source()
      return {
        revision: revision ?? null,
        source,
        routes: table.routes().map(route => describeRoute(route, nodes.get(route.service), limits)),
        problems: table.problems(),
      }
    },
  }
}

function describeRoute(route: Route, service: ServicePeers | undefined, limits: LimitsView): RoutePage {
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
    ...describeLimit(route.service, limits),
    nodes: service?.peers.map(describeNode) ?? [],
  }
}

function describeService({ name, peers }: ServicePeers, limits: LimitsView): ServicePage {
  return { name, ...describeLimit(name, limits), nodes: peers.map(describeNode) }
}

function describeLimit(service: string, limits: LimitsView): { limit?: LimitPage } {
  const view = limits.of(service)
  if (!view) return {}
  const { kind, limit, inFlight, queued } = view
  return { limit: { kind, limit, inFlight, queued } }
}

function describeNode(peer: Peer): NodePage {
  return {
    id: peer.node.id,
    address: peer.address,
    weight: peer.node.weight,
    metadata: peer.node.metadata,
    ...(peer.node.protocol !== undefined && { protocol: peer.node.protocol }),
    state: stateOf(peer),
    breaker: peer.breaker,
    inFlight: peer.inFlight,
    requests: peer.requests,
    failures: peer.failures,
  }
}

/** As a route document writes it. */
function describeAuth(auth: RouteAuth): RoutePage['auth'] {
  if (auth.type === 'none') return 'none'
  const { scopes, roles } = auth
  return scopes.length === 0 && roles.length === 0 ? 'jwt' : { jwt: { scopes, roles } }
}
