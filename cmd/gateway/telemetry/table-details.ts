import type { Registry } from '../../../discovery/registry.ts'
import { getOrMake } from '../../../internal/get-or-make.ts'
import type { NodeTable } from '../../../internal/nodes/node-table.ts'
import { stateOf } from '../../../internal/nodes/peer.ts'
import { servicesNamedBy } from '../../../internal/routing/named-services.ts'
import type { Route } from '../../../internal/routing/route.ts'
import { quantileOf } from '../../../internal/telemetry/live-times.ts'
import type { ApiPages, LeasePage, NodeDetail } from '../../../routes/admin/api-types.ts'
import {
  describeNode,
  describeServiceState,
  type MethodsView,
  NO_REQUESTS,
  type TablePagesOptions,
} from '../../../routes/admin/build-pages.ts'
import type { TableProblem } from '../../../routes/admin/views.ts'
import type { LiveTable } from '../live-table.ts'
import { rawText } from './table-changes.ts'
import type { Telemetry } from './telemetry.ts'

export interface TableDetailsOptions
  extends Pick<TablePagesOptions, 'limits' | 'metrics' | 'budgets' | 'describeRoute'> {
  readonly telemetry: Telemetry
  readonly table: LiveTable
  readonly nodes: NodeTable
  readonly methods: MethodsView
  readonly registry: Pick<Registry, 'leases'>
  /** What is wrong with the table, by key. */
  readonly problems: () => readonly TableProblem[]
}

/** Makes what the API says of single routes, services and nodes of this process. */
export function createTableDetails(
  options: TableDetailsOptions,
): Pick<ApiPages, 'route' | 'service' | 'node' | 'serviceSummaries'> {
  const { table, nodes, limits, metrics, budgets, methods, registry } = options
  const { history } = options.telemetry
  const problemsOf = (isAbout: (problem: TableProblem) => boolean) => options.problems().filter(isAbout)
  return {
    async route(id) {
      const route = table.routes().find(each => each.id === id)
      if (!route) return undefined
      const key = table.entries.documentOf(id)
      const lastGood = table.lastGood().routes.get(id)
      const nodeProblems = table.nodeProblems(route.service)
      const peers = nodes.service(route.service)?.peers ?? []
      return {
        route: {
          ...Object.assign(options.describeRoute(route), metrics.countsByRoute().get(id) ?? NO_REQUESTS),
          ...(lastGood && { lastGood }),
          nodes: peers.map(peer => describeNode(peer, nodeProblems)),
        },
        document: key
          ? { text: rawText(key), key: key.key, revision: String(key.modRevision ?? table.revision ?? 0) }
          : null,
        problems: problemsOf(({ key: about }) => about === id || about === key?.key),
        samples: history.samplesOf(history.routes.get(id)),
      }
    },
    async service(name) {
      const routes = routesByService(table.routes()).get(name) ?? []
      const service = nodes.service(name)
      if (!service && routes.length === 0) return undefined
      const { peers } = service ?? { peers: [] }
      const nodeProblems = table.nodeProblems(name)
      const descriptors = methods.summaries()(name)
      return {
        ...describeServiceState(service ?? { ...NO_NODES, name }, budgets.get(name), limits.of(name)),
        ...(descriptors && { descriptors }),
        nodes: peers.map(peer => describeNode(peer, nodeProblems)),
        routes,
        problems: problemsOf(({ key }) => table.entries.isKeyOf(key, name) || routes.includes(key)),
        samples: history.samplesOf(history.services.get(name)),
      }
    },
    async node(service, id): Promise<NodeDetail | undefined> {
      const peer = nodes.service(service)?.peers.find(({ node }) => node.id === id)
      if (!peer) return undefined
      const key = table.entries.keyOfNode(service, id) ?? null
      const leases = key === null ? [] : await leasesIn(registry, key)
      const pairs = peer.times?.pairs() ?? []
      return {
        ...describeNode(peer, table.nodeProblems(service)),
        ...{ service, p50: quantileOf(pairs, 0.5), p99: quantileOf(pairs, 0.99), key },
        ...(leases && { lease: leases[0] ? withoutKeys(leases[0]) : null }),
      }
    },
    async serviceSummaries() {
      const descriptorsOf = methods.summaries()
      const routesOf = routesByService(table.routes())
      return [...nodes.services()].map(service => {
        const { name, peers } = service
        const descriptors = descriptorsOf(name)
        return {
          ...describeServiceState(service, budgets.get(name), limits.of(name)),
          ...(descriptors && { descriptors }),
          routes: routesOf.get(name) ?? [],
          nodes: peers.length,
          usable: peers.filter(peer => stateOf(peer) === 'up' || stateOf(peer) === 'suspect').length,
        }
      })
    },
  }
}

/** Resolves with undefined while the registry cannot be asked. @param key that of a node; undefined = all leases */
export async function leasesIn(
  registry: Pick<Registry, 'leases'>,
  key?: string,
): Promise<readonly LeasePage[] | undefined> {
  return registry.leases ? registry.leases(key).catch(() => undefined) : []
}

const NO_NODES = { peers: [], isPanicking: false, past: { requests: 0, failures: 0, timeouts: 0 } }

function routesByService(routes: readonly Route[]): ReadonlyMap<string, readonly string[]> {
  const byService = new Map<string, string[]>()
  for (const route of routes) {
    for (const service of new Set(servicesNamedBy(route).map(named => named.service))) {
      if (service === undefined) continue
      getOrMake(byService, service, (): string[] => []).push(route.id)
    }
  }
  return byService
}

function withoutKeys({ id, ttlSeconds, leftSeconds }: LeasePage) {
  return { id, ttlSeconds, leftSeconds }
}
