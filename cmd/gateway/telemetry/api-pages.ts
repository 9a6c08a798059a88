import type { Registry } from '../../../discovery/registry.ts'
import type { Call } from '../../../internal/call.ts'
import { pathOf } from '../../../internal/http/target.ts'
import type { NodeTable } from '../../../internal/nodes/node-table.ts'
import { stateOf } from '../../../internal/nodes/peer.ts'
import { servicesNamedBy } from '../../../internal/routing/named-services.ts'
import type { Route } from '../../../internal/routing/route.ts'
import { parseFilter } from '../../../internal/telemetry/filter.ts'
import { type BucketPairs, quantileOf } from '../../../internal/telemetry/live-times.ts'
import { MAX_LISTED_CALLS } from '../../../internal/telemetry/open-calls.ts'
import type { TrafficSeries } from '../../../internal/telemetry/traffic-series.ts'
import type {
  ApiPages,
  FiguresPage,
  LeasePage,
  NodeDetail,
  OpenCall,
  RequestDetail,
  RequestEntry,
  Sample,
} from '../../../routes/admin/api-types.ts'
import {
  describeNode,
  describeServiceState,
  type MethodsView,
  NO_REQUESTS,
  type TablePagesOptions,
} from '../../../routes/admin/build-pages.ts'
import type { TableProblem } from '../../../routes/admin/views.ts'
import type { LiveTable } from '../live-table.ts'
import { isCut, toRequestEntry, toTries } from './kept-request.ts'
import { LiveFeed, type LiveFeedOptions, type LiveHooks, type LiveSource } from './live-feed.ts'
import { LiveWatch } from './live-watch.ts'
import { rawText } from './table-changes.ts'
import { STEP_MS, type Telemetry } from './telemetry.ts'

export interface ApiPagesOptions
  extends Pick<
    TablePagesOptions,
    'limits' | 'metrics' | 'health' | 'budgets' | 'describeRoute' | 'explain' | 'isReady'
  > {
  readonly version: string
  /** See `StatusPage.name`. */
  readonly name: () => string
  readonly telemetry: Telemetry
  readonly table: LiveTable
  readonly nodes: NodeTable
  readonly methods: MethodsView
  readonly registry: Pick<Registry, 'leases'>
  readonly inFlight: () => number
  readonly onInternalError: (error: unknown) => void
}

/** What the API asks of this process alone, and what is needed to merge that with other processes. */
export interface OwnApiPages extends ApiPages {
  /** Returns the times of the tries at a node since the start; undefined when there is no such node. */
  nodeTimes(service: string, id: string): Promise<BucketPairs | undefined>
  /** Begins to tell what happens here to another process. The caller closes the feed. */
  openFeed(hooks: LiveHooks): LiveFeed
  /** Tells those who watch that the gateway shuts down. */
  bye(reason: string): void
}

/** Makes the answers of the API for this process. */
export function createApiPages(options: ApiPagesOptions): OwnApiPages {
  const { telemetry, table, nodes, limits, metrics, health, budgets, methods, registry } = options
  const { history } = telemetry
  const startedAt = new Date().toISOString()
  const problems = () => [...table.problems(), ...table.warnings(), ...health.problems()]
  const problemsOf = (isAbout: (problem: TableProblem) => boolean) => problems().filter(isAbout)
  const source = (): LiveSource => {
    const { revision: _, ...rest } = table.source()
    return rest
  }
  const samplesOf = (series: TrafficSeries | undefined): Sample[] => history.samplesOf(series)
  /** Resolves with undefined while the registry cannot be asked. */
  const leasesOf = async (key?: string) =>
    registry.leases ? registry.leases(key).catch(() => undefined) : []

  const feedOptions: LiveFeedOptions = {
    ...{ telemetry, history, nodes, budgets, source, problems },
    inFlight: options.inFlight,
    revision: () => table.revision ?? null,
  }
  let feed: LiveFeed | undefined
  const watch = new LiveWatch({
    onFilters(filters) {
      if (filters === undefined) {
        feed?.close()
        feed = undefined
        return
      }
      feed ??= new LiveFeed(feedOptions, {
        onRequest: request => watch.request(request),
        onChange: change => watch.change(change),
      })
      feed.setFilters(filters)
    },
    take: async () => (feed ? new Map([['', await feed.take()]]) : new Map()),
    onError: options.onInternalError,
  })

  return {
    async status() {
      const { revision, ...rest } = table.source()
      return {
        ...{ version: options.version, name: options.name(), pid: process.pid, startedAt },
        ready: options.isReady(),
        revision: revision ?? null,
        source: rest,
        problems: problems().length,
      }
    },
    problems: async () => problems(),
    async figures(): Promise<FiguresPage> {
      return {
        stepMs: STEP_MS,
        total: samplesOf(history.total),
        routes: Object.fromEntries([...history.routes].map(([id, series]) => [id, samplesOf(series)])),
        services: Object.fromEntries(
          [...history.services].map(([name, series]) => [name, samplesOf(series)]),
        ),
      }
    },
    async route(id) {
      const route = table.routes().find(each => each.id === id)
      if (!route) return undefined
      const key = table.documentOf(id)
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
        samples: samplesOf(history.routes.get(id)),
      }
    },
    async service(name) {
      const routes = routesTo(table.routes(), name)
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
        problems: problemsOf(({ key }) => table.isKeyOf(key, name) || routes.includes(key)),
        samples: samplesOf(history.services.get(name)),
      }
    },
    async node(service, id): Promise<NodeDetail | undefined> {
      const peer = nodes.service(service)?.peers.find(({ node }) => node.id === id)
      if (!peer) return undefined
      const key = table.keyOfNode(service, id) ?? null
      const leases = key === null ? [] : await leasesOf(key)
      const pairs = peer.times?.pairs() ?? []
      return {
        ...describeNode(peer, table.nodeProblems(service)),
        ...{ service, p50: quantileOf(pairs, 0.5), p99: quantileOf(pairs, 0.99), key },
        ...(leases && { lease: leases[0] ? withoutKeys(leases[0]) : null }),
      }
    },
    async request(id): Promise<RequestDetail | undefined> {
      const kept = telemetry.requests?.find(id)
      if (!kept) return undefined
      const request = toRequestEntry(kept)
      return { request, tries: toTries(kept), explain: await explain(request) }
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
    leases: (): Promise<readonly LeasePage[] | undefined> => leasesOf(),
    async requests({ filter, problems: problemsOnly, limit }) {
      const fits = parseFilter(filter)
      const found: RequestEntry[] = []
      if (!telemetry.requests) return found
      for (const kept of telemetry.requests.newestFirst(problemsOnly)) {
        if (found.length >= limit) break
        if (fits(kept)) found.push(toRequestEntry(kept))
      }
      return found
    },
    async inFlight(overMs) {
      const calls: OpenCall[] = []
      const now = performance.now()
      for (const call of telemetry.open?.longestFirst() ?? []) {
        const ms = now - call.startedAt
        if (ms < overMs || calls.length === MAX_LISTED_CALLS) break
        calls.push(toOpenCall(call, ms))
      }
      return calls
    },
    changes: async limit => telemetry.changes.latest(limit),
    watch: listener => watch.watch(listener),
    bye: reason => watch.bye(reason),
    async nodeTimes(service, id) {
      const peer = nodes.service(service)?.peers.find(({ node }) => node.id === id)
      return peer && (peer.times?.pairs() ?? [])
    },
    openFeed: hooks => new LiveFeed(feedOptions, hooks),
  }

  /** Says what would happen to the same request now; null when it is not known well enough. */
  async function explain(request: RequestEntry): Promise<RequestDetail['explain']> {
    const { method, host, path, client } = request
    if (!path.startsWith('/') || client === undefined || isCut(request)) return null
    const headers = host === undefined ? [] : ['host', host]
    return options
      .explain({ method, url: path, headers, client, claims: undefined, verify: false })
      .catch(error => {
        options.onInternalError(error)
        return null
      })
  }
}

const NO_NODES = { peers: [], isPanicking: false, past: { requests: 0, failures: 0, timeouts: 0 } }

function routesTo(routes: readonly Route[], service: string): string[] {
  return routes
    .filter(route => servicesNamedBy(route).some(named => named.service === service))
    .map(({ id }) => id)
}

function routesByService(routes: readonly Route[]): ReadonlyMap<string, readonly string[]> {
  const byService = new Map<string, string[]>()
  for (const route of routes) {
    for (const service of new Set(servicesNamedBy(route).map(named => named.service))) {
      if (service === undefined) continue
      const known = byService.get(service)
      if (known) known.push(route.id)
      else byService.set(service, [route.id])
    }
  }
  return byService
}

function withoutKeys({ id, ttlSeconds, leftSeconds }: LeasePage) {
  return { id, ttlSeconds, leftSeconds }
}

/** Describes a call that has not ended. Tries that are in flight at once are counted by forks of the call until one of them wins. */
function toOpenCall(call: Call, ms: number): OpenCall {
  const { requestId, method, target, route, upgraded, current } = call
  const forks = current?.forks ?? []
  const attempts = forks.reduce((sum, fork) => sum + fork.attempts, call.attempts)
  const peer = forks.findLast(fork => fork.peer)?.peer ?? call.peer
  const service = peer?.node.service ?? route?.service
  return {
    ...{ requestId, method, path: pathOf(target), ms: Math.round(ms), attempts },
    ...(route && { route: route.id }),
    ...(service && { service }),
    ...(peer && { node: peer.node.id }),
    ...(upgraded && { upgraded }),
  }
}
