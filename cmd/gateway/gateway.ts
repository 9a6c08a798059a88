import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { configuredAuthenticators } from '../../config/load/auth-rules.ts'
import { describeRoute } from '../../config/route/describe-route.ts'
import { toHealthCheck } from '../../config/route/health-check.ts'
import type { Config } from '../../config/schema.ts'
import type { Call } from '../../internal/call.ts'
import { wrap } from '../../internal/upstream.ts'
import { UpstreamFailure } from '../../internal/upstream-failure.ts'
import { createAccessLog, statusOf } from '../../middleware/access-log.ts'
import { createTrustedProxies } from '../../middleware/request/client-address.ts'
import { Deadlines } from '../../middleware/request/deadlines.ts'
import { createTablePages } from '../../routes/admin/build-pages.ts'
import { createMetrics } from '../../routes/admin/metrics.ts'
import { createProxy } from '../../routes/public/proxy.ts'
import { createBalance } from '../../wrappers/balance/balance.ts'
import { createCircuitBreaker } from '../../wrappers/circuit-breaker.ts'
import { createFallback } from '../../wrappers/fallback/fallback.ts'
import { createDispatch } from '../../wrappers/http1/exchange-one.ts'
import { createLimit } from '../../wrappers/limit/concurrency-limit.ts'
import { createConnect } from '../../wrappers/node/connect.ts'
import { createObserve } from '../../wrappers/observe.ts'
import { createHedge } from '../../wrappers/retry/hedge.ts'
import { createRetry } from '../../wrappers/retry/retry.ts'
import { createTryTimeout } from '../../wrappers/retry/try-timeout.ts'
import { createClientConnections } from '../client-connections.ts'
import { createRetryBudgets } from '../retry-budgets.ts'
import { LiveCredentials } from './auth/live-credentials.ts'
import { openAuthenticators } from './auth/open-authenticators.ts'
import { notePassed } from './body-memory.ts'
import type { Gateway, GatewayOptions } from './gateway-types.ts'
import { configureLimits, createLimits, createLoopGuard } from './limits.ts'
import { LiveHealth } from './live-health.ts'
import { LiveTable } from './live-table.ts'
import { createNodeGuard } from './node-guard.ts'
import { createNodeTable } from './node-table.ts'

/**
 * The one place where everything is put together. Read it from `wrap` down to see the way of a request, and
 * in {@link LiveTable} the way of a registry event.
 *
 * @throws Error when a port cannot be bound; nothing is left open then
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, keys, registry, logger, writeLine, listen = 'at-once' } = options
  const guard = createNodeGuard({
    allowedAddresses: config.discovery.allowedAddresses,
    adminPort: options.adminPort ?? (() => config.adminPort),
  })
  const nodes = createNodeTable({ config, guard, rulesOf: service => table.rulesOf(service), logger })
  let draining = false
  let open = 0
  let webSockets = 0
  let served = false
  const loop = createLoopGuard(config, logger, () => open - webSockets)
  const limits = createLimits(loop, logger)
  const credentials = new LiveCredentials(config)
  const table = new LiveTable({
    registry,
    nodes,
    config: config.routes,
    rules: config,
    onRules: rules => configureLimits(limits, rules, config),
    // What an operator took out is gone; only services can be lost by their registry.
    suspectGraceMs: registry.keptBy === 'operator' ? 0 : config.discovery.suspectGraceMs,
    hasKey: keys.jwt !== undefined || keys.issuers !== undefined,
    authenticators: configuredAuthenticators(config),
    credentials,
    refusalOf: guard.refusalOf,
    logger,
    onNodes: service => health.nodesChanged(service),
    onRoutes: () => health.rulesChanged(),
  })
  const { healthCheck } = config.routes.defaults
  const health = new LiveHealth({
    nodes,
    ruleOf: service => table.rulesOf(service).healthCheck,
    fallback: healthCheck === null ? undefined : toHealthCheck(healthCheck),
    allows: guard.allows,
    logger,
  })
  const budgets = createRetryBudgets(logger)
  const isTrustedProxy = createTrustedProxies(config.trustedProxies)
  const connections = createClientConnections(config, isTrustedProxy, logger)
  const metrics = createMetrics({ nodes, table, budgets, health, limits, loop, connections })
  const accessLog =
    config.accessLog && logger.isLevelEnabled('info')
      ? createAccessLog({ write: writeLine, base: logger.bindings() })
      : undefined

  function record(call: Call, status: number): void {
    const totalMs = performance.now() - call.startedAt
    metrics.record(call, status, totalMs)
    accessLog?.(call, status, call.clientAddress!, totalMs)
  }

  const balance = { cookieKey: keys.stickyCookie }
  const upstream = wrap(createDispatch({ onPiece: notePassed }), [
    createObserve(),
    createFallback(config.staleAnswers),
    createLimit(limits),
    createRetry({ budgets }),
    createHedge({ budgets }),
    createBalance(nodes, balance),
    createCircuitBreaker(),
    createTryTimeout({ deadlines: new Deadlines() }),
  ])
  const connect = wrap(createConnect(), [
    createObserve(),
    createRetry(),
    createBalance(nodes, balance),
    createCircuitBreaker(),
  ])

  const auth = openAuthenticators({ config, keys, credentials, logger })
  const {
    app: proxy,
    expectClose,
    close,
    stopListening,
    cutOff,
  } = createProxy({
    routes: () => table.routeTable(),
    upstream,
    connect,
    authenticators: auth.authenticators,
    // Nodes trust this one even where a map of claims without it has replaced the default.
    identityHeaders: ['x-user-id', ...Object.values(config.jwt.claimHeaders).map(name => name.toLowerCase())],
    isTrustedProxy,
    isDraining: () => draining,
    ...proxyLimits(config),
    onPiece: notePassed,
    connections,
    onInternalError: error => logger.error({ err: error }, 'internal error'),
    loop,
    onOpen: () => {
      served = true
      open++
    },
    onUpgrade: () => {
      webSockets++
    },
    onClose: (call, response) => {
      open--
      if (call.upgraded) webSockets--
      if (!response.writableFinished) call.end(new UpstreamFailure('aborted'))
      call.limiter?.release(call)
      record(call, statusOf(call, response))
    },
    onRefused: record,
  })
  let isFollowing = true
  const isReady = () => table.isLoaded && isFollowing && !draining
  const pages = createTablePages({
    ...{ nodes, table, limits, metrics, health, budgets, isReady },
    describeRoute: route => describeRoute(route, config, table.rulesOf(route.service)),
  })

  const following = new AbortController()
  const follow = () => {
    const followed = table.follow(following.signal)
    followed.catch(error => {
      // A mistake of ours: load balancers should rather ask others.
      isFollowing = false
      logger.fatal({ err: error }, 'the table is no longer followed')
    })
    return followed
  }
  let followed: Promise<void> | undefined
  if (listen === 'when-loaded') {
    followed = follow()
    await Promise.race([table.loaded, followed])
  }
  try {
    await proxy.listen({ host: config.host, port: config.port })
  } catch (error) {
    loop.close()
    following.abort()
    health.close()
    auth.close()
    await Promise.allSettled([proxy.close(), followed])
    throw error
  }
  followed ??= follow()

  /** Lets go of connections that carry no request, waits for the others, and ends what is left. */
  async function finish(): Promise<number> {
    const closed = close()
    const cut = await Promise.race([
      closed.then(() => 0),
      // Open connections keep the process alive; this timer alone must not.
      delay(config.shutdownTimeoutMs, undefined, { ref: false }).then(() => open),
    ])
    cutOff()
    await closed
    auth.close()
    following.abort()
    await followed!.catch(() => {})
    health.close()
    loop.close()
    limits.close()
    await options.onDrained?.(pages)
    nodes.clear()
    return cut
  }

  return {
    address: proxy.server.address() as AddressInfo,
    table,
    health,
    pages,
    hasServed: () => served,
    nodeCount: () => [...nodes.services()].reduce((sum, service) => sum + service.peers.length, 0),
    async stop(handedOver) {
      draining = true
      expectClose()
      await delay(config.drainMs)
      await handedOver
      return finish()
    },
    async retire(hurry) {
      draining = true
      expectClose()
      const longest = Math.max(config.drainMs, config.shutdownTimeoutMs)
      await Promise.race([stopListening(), delay(longest, undefined, { signal: hurry }).catch(() => {})])
      return finish()
    },
  }
}

function proxyLimits({ clientLimits }: Config) {
  return {
    maxBodyBytes: clientLimits.bodyBytes,
    maxTargetBytes: clientLimits.targetBytes,
    maxHeaderBytes: clientLimits.headerBytes,
    headersTimeoutMs: clientLimits.headersTimeoutMs,
    keepAliveTimeoutMs: clientLimits.keepAliveTimeoutMs,
    maxRequestsPerConnection: clientLimits.requestsPerConnection,
  }
}
