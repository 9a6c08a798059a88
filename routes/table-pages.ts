import { describeBalancer } from '../internal/affinity.ts'
import type { NodeTable, ServicePeers } from '../internal/node-table.ts'
import { type Peer, stateOf } from '../internal/peer.ts'
import type { AuthRule, Route, RouteAuth } from '../internal/route.ts'
import type { AuthPage, NodePage, OwnPages, RoutePage } from './admin-pages.ts'
import type { Metrics } from './metrics.ts'
import type { TableView } from './table-view.ts'

export interface TablePagesOptions {
  readonly nodes: NodeTable
  readonly table: TableView
  readonly metrics: Metrics
  /** Whether a table is loaded and shutdown has not begun. */
  readonly isReady: () => boolean
}

/** What the table and the counts of this process look like on the admin listener. */
export function createTablePages({ nodes, table, metrics, isReady }: TablePagesOptions): OwnPages {
  return {
    isReady,
    metrics: () => metrics.render(),
    metricValues: () => metrics.values(),
    services: async () => ({
      services: [...nodes.services()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(describeService),
    }),
    async routes() {
      const { revision, ...source } = table.source()
      return {
        revision: revision ?? null,
        source,
        routes: table.routes().map(route => describeRoute(route, nodes.get(route.service))),
        problems: table.problems(),
      }
    },
  }
}

function describeRoute(route: Route, service: ServicePeers | undefined): RoutePage {
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
    nodes: service?.peers.map(describeNode) ?? [],
  }
}

function describeService(service: ServicePeers) {
  return { name: service.name, nodes: service.peers.map(describeNode) }
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
  return auth.type === 'any' ? auth.rules.map(describeRule) : describeRule(auth)
}

function describeRule({ type, scopes, roles, claims }: AuthRule): AuthPage {
  if (scopes.length === 0 && roles.length === 0 && !claims) return type
  const named = claims?.map(({ path, values }) => [path, values.length === 1 ? values[0] : values] as const)
  return { [type]: { scopes, roles, ...(named && { claims: Object.fromEntries(named) }) } }
}
