import type { AddressInfo } from 'node:net'
import { routeContext } from '../../config/load/route-context.ts'
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
import { PolicyCounts } from '../../routes/admin/policy-metrics.ts'
import { createHttp1Listener } from '../../routes/public/http1/listener.ts'
import { createProxy } from '../../routes/public/proxy.ts'
import { createRespond } from '../../routes/public/respond.ts'
import { createBalance } from '../../wrappers/balance/balance.ts'
import { createFallback } from '../../wrappers/fallback/fallback.ts'
import { createConcurrencyLimit } from '../../wrappers/limit/concurrency-limit.ts'
import { createCircuitBreaker, createDispatch } from '../../wrappers/node/upstream-peer.ts'
import { createObserve } from '../../wrappers/observe.ts'
import { createHedge } from '../../wrappers/retry/hedge.ts'
import { createRetry } from '../../wrappers/retry/retry.ts'
import { createTryTimeout } from '../../wrappers/retry/try-timeout.ts'
import { LiveCredentials } from './auth/live-credentials.ts'
import { openAuthenticators } from './auth/open-authenticators.ts'
import { countBodyBytes } from './body-memory.ts'
import type { Gateway, GatewayOptions } from './gateway-types.ts'
import { Lifecycle } from './lifecycle.ts'
import {
  configureLimits,
  createClientConnections,
  createLimits,
  createLoopGuard,
  createRetryBudgets,
} from './limits.ts'
import { LiveHealth } from './live-health.ts'
import { LiveTable } from './live-table.ts'
import { createNodeGuard } from './node-guard.ts'
import { createNodeTable } from './node-table.ts'
import { LivePolicies } from './policies.ts'
import { LiveRules } from './service-rules.ts'
import { Traffic } from './traffic.ts'

/**
 * Assembles a gateway and starts it. Read it from the top: each part is made from the parts above it. Requests go to
 * `proxy`, and from there to `upstream`. Registry events go to {@link LiveTable}.
 *
 * @throws Error when a port cannot be bound; everything is closed again then
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, keys, registry, logger, writeLine } = options
  const onInternalError = (error: unknown) => logger.error({ err: error }, 'internal error')

  // The limits of this process.
  const traffic = new Traffic()
  const deadlines = new Deadlines()
  const loop = createLoopGuard(config, logger, () => traffic.requests)
  const limits = createLimits(loop, logger)
  const budgets = createRetryBudgets(logger)

  // The nodes, and the state that this process keeps about them.
  const rules = new LiveRules(config, byService => configureLimits(limits, byService, config))
  const guard = createNodeGuard({
    allowedAddresses: config.discovery.allowedAddresses,
    adminPort: options.adminPort ?? (() => config.adminPort),
  })
  const nodes = createNodeTable({ config, guard, rules, logger, onPiece: countBodyBytes })
  const { healthCheck } = config.routes.defaults
  const health = new LiveHealth({
    nodes,
    ruleOf: service => rules.of(service).healthCheck,
    fallback: healthCheck === null ? undefined : toHealthCheck(healthCheck),
    allows: guard.allows,
    logger,
  })

  // The wrappers around a request to a node, outermost first.
  const balance = { cookieKey: keys.stickyCookie }
  const upstream = wrap(createDispatch(), [
    createObserve(),
    createFallback(config.staleAnswers),
    createConcurrencyLimit(limits),
    createRetry({ budgets }),
    createHedge({ budgets }),
    createBalance(nodes, balance),
    createCircuitBreaker(),
    createTryTimeout({ deadlines }),
  ])
  // The wrappers around the handshake of a WebSocket. It opens one connection to one node, so it is not hedged; the
  // connection may stay open for days, so it takes no slot of the service; and no kept answer can stand in for it.
  const handshake = wrap(createDispatch(), [
    createObserve(),
    createRetry({ budgets }),
    createBalance(nodes, balance),
    createCircuitBreaker(),
    createTryTimeout({ deadlines }),
  ])
  const policyCounts = new PolicyCounts()
  const policies = new LivePolicies({ upstream, counts: policyCounts })

  // The table: nodes and routes, as the registry has them.
  const context = routeContext(config, keys)
  const credentials = new LiveCredentials(config)
  const auth = openAuthenticators({ config, keys, credentials, logger })
  const table = new LiveTable({
    registry,
    nodes,
    config: config.routes,
    rules,
    context,
    // What an operator removes is meant to go. Only a registry that services write to can lose nodes by accident.
    suspectGraceMs: registry.keptBy === 'operator' ? 0 : config.discovery.suspectGraceMs,
    credentials,
    refusalOf: guard.refusalOf,
    logger,
    onNodes: service => health.nodesChanged(service),
    onRoutes(documents) {
      health.rulesChanged()
      policies.retain(documents)
    },
  })

  // The side that faces clients.
  const { bodyBytes: maxBodyBytes } = config.clientLimits
  const isTrustedProxy = createTrustedProxies(config.trustedProxies)
  const connections = createClientConnections(config, isTrustedProxy, logger)
  const metrics = createMetrics({
    ...{ nodes, table, budgets, health, limits, loop, connections },
    policies: policyCounts,
  })
  const record = createRecord()
  const isDraining = () => traffic.isDraining
  const respond = createRespond({ isDraining, onPiece: countBodyBytes, onInternalError })
  const proxy = createProxy({
    routes: () => table.routeTable(),
    planOf: route => policies.planOf(route),
    ...{ upstream, handshake, deadlines, maxBodyBytes, onPiece: countBodyBytes, respond, loop },
    authenticators: auth.authenticators,
  })
  const listener = createHttp1Listener({
    ...listenerLimits(config),
    ...{ proxy, connections, isTrustedProxy },
    identityHeaders: context.identityHeaders,
    sendsForwarded: config.forwardedHeader,
    onPiece: countBodyBytes,
    onOpen: () => traffic.opened(),
    onUpgrade: () => traffic.upgraded(),
    onClose({ call, response }) {
      traffic.closed(call.upgraded)
      if (!response.writableFinished) call.end(new UpstreamFailure('aborted'))
      call.limiter?.release(call)
      record(call, statusOf(call, response))
    },
    onRefused: record,
  })

  const lifecycle = new Lifecycle({
    ...{ config, listener, table, traffic, logger },
    closeServing: () => auth.close(),
    onDrained: async () => options.onDrained?.(pages),
    closeTable() {
      health.close()
      loop.close()
      limits.close()
      policies.close()
      nodes.clear()
    },
  })
  const isReady = () => lifecycle.isReady
  const pages = createTablePages({
    ...{ nodes, table, limits, metrics, health, budgets, isReady },
    describeRoute: route => describeRoute(route, config, rules.of(route.service)),
  })
  await lifecycle.start(options.listen ?? 'at-once')

  return {
    address: listener.app.server.address() as AddressInfo,
    table,
    health,
    pages,
    hasServed: () => traffic.hasServed,
    nodeCount: () => [...nodes.services()].reduce((sum, service) => sum + service.peers.length, 0),
    stop: handedOver => lifecycle.stop(handedOver),
    retire: hurry => lifecycle.retire(hurry),
  }

  /** Creates the function that counts and logs a finished request. */
  function createRecord(): (call: Call, status: number) => void {
    const accessLog =
      config.accessLog && logger.isLevelEnabled('info') ? createAccessLog({ write: writeLine }) : undefined
    return (call, status) => {
      const totalMs = performance.now() - call.startedAt
      metrics.record(call, status, totalMs)
      accessLog?.(call, status, call.clientAddress!, totalMs)
    }
  }
}

function listenerLimits({ clientLimits }: Config) {
  return {
    maxTargetBytes: clientLimits.targetBytes,
    maxHeaderBytes: clientLimits.headerBytes,
    headersTimeoutMs: clientLimits.headersTimeoutMs,
    keepAliveTimeoutMs: clientLimits.keepAliveTimeoutMs,
    maxRequestsPerConnection: clientLimits.requestsPerConnection,
  }
}
