import type { Call } from '../../../internal/call.ts'
import { pathOf } from '../../../internal/http/target.ts'
import { parseFilter } from '../../../internal/telemetry/filter.ts'
import type { BucketPairs } from '../../../internal/telemetry/live-times.ts'
import { MAX_LISTED_CALLS } from '../../../internal/telemetry/open-calls.ts'
import type { ApiPages, OpenCall, RequestDetail, RequestEntry } from '../../../routes/admin/api-types.ts'
import type { TablePagesOptions } from '../../../routes/admin/build-pages.ts'
import type { NodeHeartbeats } from '../../../routes/admin/heartbeat-types.ts'
import { figuresPage } from './figures-page.ts'
import { isCut, toRequestEntry, toTries, wasGrpcCall } from './kept-request.ts'
import { LiveFeed, type LiveFeedOptions, type LiveHooks, type LiveSource } from './live-feed.ts'
import { LiveWatch } from './live-watch.ts'
import { createTableDetails, leasesIn, type TableDetailsOptions } from './table-details.ts'

export interface ApiPagesOptions
  extends Omit<TableDetailsOptions, 'problems'>,
    Pick<TablePagesOptions, 'health' | 'explain' | 'isReady'> {
  readonly version: string
  /** See `StatusPage.name`. */
  readonly name: () => string
  readonly heartbeats: NodeHeartbeats
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
  const { telemetry, table, nodes, health, budgets } = options
  const { history } = telemetry
  const startedAt = new Date().toISOString()
  const problems = () => [...table.problems(), ...table.warnings(), ...health.problems()]
  const source = (): LiveSource => {
    const { revision: _, ...rest } = table.source()
    return rest
  }
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
    ...createTableDetails({ ...options, problems }),
    ...options.heartbeats,
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
    figures: () => figuresPage(history),
    async request(id): Promise<RequestDetail | undefined> {
      const kept = telemetry.requests?.find(id)
      if (!kept) return undefined
      const request = toRequestEntry(kept)
      return { request, tries: toTries(kept), explain: await explain(request) }
    },
    leases: () => leasesIn(options.registry),
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
    const headers = [
      ...(host === undefined ? [] : ['host', host]),
      // Without it, a call would be explained as a plain request, which other nodes get.
      ...(wasGrpcCall(request) ? ['content-type', 'application/grpc'] : []),
    ]
    return options
      .explain({ method, url: path, headers, client, claims: undefined, verify: false })
      .catch(error => {
        options.onInternalError(error)
        return null
      })
  }
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
