import { randomBytes } from 'node:crypto'
import type { AddressInfo, Server } from 'node:net'
import { hostname } from 'node:os'
import { routeContext } from '../../config/load/route-context.ts'
import { describeRoute } from '../../config/route/describe-route.ts'
import type { Call } from '../../internal/call.ts'
import { type Exchange, runSteps } from '../../internal/policy.ts'
import type { Route } from '../../internal/routing/route.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { statusOf } from '../../middleware/access-log.ts'
import { createTrustedProxies } from '../../middleware/request/client-address.ts'
import { Deadlines } from '../../middleware/request/deadlines.ts'
import { createTablePages } from '../../routes/admin/build-pages.ts'
import { GrpcCounts } from '../../routes/admin/metrics/grpc-metrics.ts'
import { createMetrics } from '../../routes/admin/metrics/metrics.ts'
import { PolicyCounts } from '../../routes/admin/metrics/policy-metrics.ts'
import { TranscodeCounts } from '../../routes/admin/metrics/transcode-metrics.ts'
import { createHttp1Listener } from '../../routes/public/http1/listener.ts'
import { Http2Counts } from '../../routes/public/http2/http2-counts.ts'
import { createProxy } from '../../routes/public/proxy.ts'
import { createReadRpc } from '../../routes/public/read-rpc.ts'
import { createRespond } from '../../routes/public/respond.ts'
import { nodeSockets } from '../../wrappers/transport/node-sockets.ts'
import { openSocket } from '../../wrappers/transport/open-socket.ts'
import { openLiveAccessLog } from './access-log.ts'
import { openAcmeChallenges } from './acme-challenges.ts'
import { LiveCredentials } from './auth/live-credentials.ts'
import { openAuthenticators } from './auth/open-authenticators.ts'
import { createExplain } from './explain.ts'
import type { Gateway, GatewayOptions, PublicAddresses } from './gateway-types.ts'
import { GrpcNames } from './grpc-names.ts'
import { countBodyBytes } from './heap.ts'
import { Lifecycle } from './lifecycle.ts'
import {
  createClientConnections,
  createHttp2Settings,
  createLimitSettings,
  createLimits,
  createLoopGuard,
  createProxyProtocol,
  createRetryBudgets,
  listenerLimits,
} from './limits.ts'
import { openPolicies } from './live-policies.ts'
import { LiveTable } from './live-table.ts'
import { createNodeHeartbeats } from './node-heartbeats.ts'
import { openNodeSide } from './node-side.ts'
import { loadClientTls, loadLimitStore, openLiveTracing } from './optional-parts.ts'
import { reloadTable } from './reload-table.ts'
import { createServiceMethods } from './service-methods.ts'
import { Settings } from './settings.ts'
import { createApiPages } from './telemetry/api-pages.ts'
import { Telemetry } from './telemetry/telemetry.ts'
import { keepTickShape } from './tick-shape.ts'
import { Traffic } from './traffic.ts'
import { Transcoding } from './transcoding.ts'
import { createUpstreams } from './upstream.ts'

/**
 * Assembles a gateway and starts it. Read it from the top: each part is made from the parts above it. Requests go to
 * `proxy`, and from there to `upstream`. Registry events go to {@link LiveTable}.
 *
 * @throws Error when a port cannot be bound; everything is closed again then
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, keys, registry, logger } = options
  keepTickShape()
  const onInternalError = (error: unknown) => logger.error({ err: error }, 'internal error')
  // What follows reads of `config` and `keys` what only a restart changes, and of `settings` what a reload may change.
  const settings = new Settings(options, onInternalError)
  const context = settings.derive(now => routeContext(now.config, now.keys))
  const proxies = settings.derive(now => createTrustedProxies(now.config.trustedProxies))
  const isTrustedProxy = (address: string) => proxies.current(address)

  const telemetry = new Telemetry(config.admin.tail)
  // The limits of this process.
  const traffic = new Traffic()
  const deadlines = new Deadlines()
  const loop = createLoopGuard(settings, logger, () => traffic.requests)
  const limits = createLimits(loop, logger)
  const budgets = createRetryBudgets(logger)

  /** Known as long as there are requests: a server that no longer listens does not tell its address. */
  let bound: PublicAddresses | undefined
  const { tls, fromRegistry: tlsFromRegistry } = await loadClientTls({
    ...{ config, keys, logger },
    ticketSecret: options.ticketSecret ?? randomBytes(32),
    port: () => (bound ?? addresses()).tls!.port,
  })
  const loopWaitMs = () => loop.turnMs
  const spanSide = await openLiveTracing(settings, {
    ...{ version: options.version, logger, loopWaitMs, times: options.spanTimes },
  })
  const { tracing, spans } = spanSide

  // The nodes, and the state that this process keeps about them.
  const nodeSide = openNodeSide({
    ...{ settings, logger, limits },
    adminPort: options.adminPort ?? (() => config.adminPort),
  })
  const { nodes, rules, guard, names, health, mirrors, upstreamTls } = nodeSide

  // What is known of the gRPC services of nodes.
  const grpcNames = config.grpc.auto ? new GrpcNames() : undefined
  const transcodeCounts = new TranscodeCounts()
  const transcoding = new Transcoding({
    get config() {
      return settings.config
    },
    ...{ keys, nodes, rules, grpcNames, logger },
    counts: transcodeCounts,
  })
  const { descriptors } = transcoding
  const { findMethod } = descriptors

  const createUpstream = createUpstreams({
    ...{ config, nodes, limits, budgets, deadlines, transcoding },
  })
  const upstreams = settings.derive(now =>
    createUpstream({
      cookieKey: now.keys.stickyCookie,
      sameSite: now.config.routes.stickyCookie.sameSite,
    }),
  )

  // Policies of routes, and what they count with.
  const policyCounts = new PolicyCounts()
  const limitStore = options.sharedCounters ? undefined : await loadLimitStore(config, keys, logger)
  const rateLimits = createLimitSettings(settings, options.sharedCounters ?? limitStore?.counters)
  const policies = openPolicies(settings, upstreams, {
    ...{ nodes, mirrors, counts: policyCounts, limits: rateLimits },
  })

  // The table: nodes and routes, as the registry has them.
  const credentials = new LiveCredentials(settings)
  const auth = await openAuthenticators(settings, credentials, logger)
  const table = new LiveTable({
    registry,
    nodes,
    config: config.routes,
    rules,
    context: context.current,
    grpcNames,
    descriptors,
    prepare: entry => transcoding.prepare(entry),
    moreProblems: () => [
      ...transcoding.problems(),
      ...upstreamTls.problems(),
      ...(tls?.problems() ?? []),
      ...(tlsFromRegistry?.problems() ?? []),
    ],
    tls: tlsFromRegistry,
    // What an operator removes is meant to go. Only a registry that services write to can lose nodes by accident.
    suspectGraceMs: registry.keptBy === 'operator' ? 0 : config.discovery.suspectGraceMs,
    openConnection: (address, done) => void openSocket({ ...address, names, allows: guard.allows }, done),
    ...{ credentials, logger, remembered: options.remembered, onRemembered: options.onRemembered },
    refusalOf: guard.refusalOf,
    onEntry: change => telemetry.entryChanged(change),
    onNodes(service) {
      telemetry.watcher?.onTable('services', service)
      health.nodesChanged(service)
      mirrors.nodesChanged(service)
      transcoding.nodesChanged(service)
    },
    onRoutes(documents) {
      transcoding.routesChanged(documents)
      health.rulesChanged()
      policies.retain(documents)
    },
  })

  reloadTable(settings, table, { transcoding, health })

  // The side that faces clients.
  const connections = createClientConnections(settings, isTrustedProxy, logger)
  const proxyProtocol = createProxyProtocol(settings, connections, logger)
  const http2Counts = new Http2Counts()
  const { accessLog, lostLines } = await openLiveAccessLog(settings, options)
  const metrics = createMetrics({
    version: options.version,
    byNode: () => settings.config.metrics.labels.node,
    ...{ nodes, table, budgets, health, limits, loop, connections, proxyProtocol, tls, descriptors, spans },
    ...{ sessions: nodeSide.sessions, http2: http2Counts, lookUps: names.counts, files: nodeSockets },
    ...{ policies: policyCounts, localCounters: rateLimits.local, limitStore: limitStore?.view },
    ...{ grpc: new GrpcCounts(findMethod), transcode: transcodeCounts },
    ...{ lostLines, reloads: options.reloads },
  })
  settings.onSwap(() => metrics.relabel())
  const record = createRecord()
  const isDraining = () => traffic.isDraining
  const respond = createRespond({
    ...{ isDraining, onPiece: countBodyBytes, onInternalError },
    get countsBytes() {
      return accessLog.current.needsBytes
    },
  })
  const acme = await openAcmeChallenges({ ...config.tls, fromRegistry: tlsFromRegistry, logger })
  // A challenge must be answered where everything else is sent to TLS.
  const early = [acme, tls?.requireTls].filter(step => step !== undefined)
  const readRpc = createReadRpc({
    findMethod,
    speaksHttpAlone: service => nodes.get(service) !== undefined && nodes.get(service, 'grpc') === undefined,
  })
  const proxy = createProxy({
    before: early.length === 0 ? undefined : exchange => runSteps(early, exchange),
    routes: () => table.routeTable(),
    planOf: route => policies.planOf(route),
    settings: settings.derive(now => ({
      ...upstreams.current,
      ...{ maxBodyBytes: now.config.clientLimits.bodyBytes, authenticators: auth.current },
    })),
    ...{ deadlines, onPiece: countBodyBytes, respond, loop, readRpc },
  })
  const exchange = settings.derive(({ config: { apiKeys, clientLimits, forwardedHeader } }) => ({
    identityHeaders: context.current.identityHeaders,
    keyHeader: apiKeys.enabled ? apiKeys.header.toLowerCase() : undefined,
    maxTargetBytes: clientLimits.targetBytes,
    sendsForwarded: forwardedHeader,
    startTrace: tracing.current?.startTrace,
  }))
  const listener = createHttp1Listener({
    ...listenerLimits(config),
    ...{ proxy, connections, proxyProtocol, isTrustedProxy },
    http2: createHttp2Settings(config, http2Counts, logger),
    tls: tls?.server,
    settings: exchange,
    onPiece: countBodyBytes,
    onOpen(call) {
      traffic.opened()
      telemetry.opened(call, table.revision)
    },
    onUpgrade: () => traffic.upgraded(),
    onClose(exchange) {
      const { call, response } = exchange
      traffic.closed(call.upgraded)
      telemetry.closed(call)
      if (!response.writableFinished) call.end(new UpstreamFailure('aborted'))
      call.limiter?.release(call)
      const status = statusOf(call, response)
      record(call, status, exchange)
      // One that began before tracing was switched on has none.
      if (call.trace !== undefined) tracing.current?.end(exchange, status)
    },
    onRefused: record,
  })
  settings.onSwap(() => listener.limit(listenerLimits(settings.config)))
  const lifecycle = new Lifecycle({
    get config() {
      return settings.config
    },
    ...{ listener, table, traffic, logger },
    sockets: options.sockets ?? {},
    needs: tlsFromRegistry,
    endStreams: () => transcoding.endStreams(),
    closeServing() {
      auth.close()
      tls?.close()
    },
    onDrained: async () => {
      await spanSide.close()
      await options.onDrained?.(pages)
    },
    closeTable() {
      telemetry.close()
      transcoding.close()
      loop.close()
      limits.close()
      limitStore?.close()
      accessLog.current.close()
      nodeSide.close()
    },
  })
  const isReady = () => lifecycle.isReady
  const describe = (route: Route) => describeRoute(route, settings.config, rules.of(route.service))
  const views = {
    ...{ nodes, table, limits, metrics, health, budgets, isReady },
    explain: createExplain({
      get config() {
        return settings.config
      },
      get authenticators() {
        return auth.current
      },
      ...{ table, nodes, policies, readRpc, transcoding, isTrustedProxy, exchange },
      describeRoute: describe,
    }),
    methods: createServiceMethods({
      ...{ descriptors, rules },
      problems: () => table.problems(),
      prefix: registry.sources.find(({ scope }) => scope === 'descriptors')?.name,
      json: config.grpc.json,
      maxMessageBytes: config.grpc.messageBytes,
    }),
    describeRoute: describe,
  }
  const pages = createTablePages(views)
  const api = createApiPages({
    ...{ ...views, telemetry, registry, onInternalError },
    version: options.version,
    name: () => `${hostname()}:${(bound?.plain ?? bound?.tls)?.port ?? config.port}`,
    inFlight: () => traffic.open,
    heartbeats: createNodeHeartbeats({ registry, refusalOf: guard.refusalOf, logger }),
  })
  await transcoding.prepareConfigured()
  // The primary of a worker has read the files when it started.
  await Promise.all([tls?.ready, nodeSide.ready])
  await lifecycle.start(options.listen ?? 'at-once')
  bound = addresses()

  return {
    addresses: bound,
    loaded: lifecycle.loaded,
    table,
    health,
    pages,
    api,
    prepare: next => settings.prepare(next),
    betweenEvents: swap => table.betweenEvents(swap),
    hasServed: () => traffic.hasServed,
    nodeCount: () => [...nodes.services()].reduce((sum, service) => sum + service.peers.length, 0),
    stop() {
      api.bye('shutdown')
      return lifecycle.stop()
    },
    retire(hurry) {
      api.bye('shutdown')
      return lifecycle.retire(hurry)
    },
  }

  function addresses(): PublicAddresses {
    const addressOf = (server: Server | undefined) =>
      (server?.address() ?? undefined) as AddressInfo | undefined
    return { plain: addressOf(listener.app.server), tls: addressOf(listener.secure) }
  }

  /** Creates the function that counts and logs a finished request. */
  function createRecord(): (call: Call, status: number, exchange?: Exchange) => void {
    return (call, status, exchange) => {
      const totalMs = performance.now() - call.startedAt
      metrics.record(call, status, totalMs)
      telemetry.record(call, status, totalMs, exchange?.head.host)
      accessLog.current.log?.(call, status, call.clientAddress!, totalMs, exchange?.request)
    }
  }
}
