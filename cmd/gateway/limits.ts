import { processCount } from '../../config/load/route-context.ts'
import type { ServiceRules } from '../../config/route/describe-route.ts'
import { isLimited } from '../../config/route/resilience-rules.ts'
import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import type { SharedCounters } from '../../internal/limits/counters.ts'
import { LocalCounters } from '../../internal/limits/local-counters.ts'
import {
  type ClientConnectionOptions,
  ClientConnections,
} from '../../middleware/connection/client-connections.ts'
import { ProxyProtocol } from '../../middleware/connection/proxy-protocol.ts'
import type { LimitSettings } from '../../middleware/policies/limit-stage.ts'
import { type LoopChange, LoopGuard } from '../../middleware/request/loop-guard.ts'
import type { Http2Counts } from '../../routes/public/http2/http2-counts.ts'
import type { Http2Settings } from '../../routes/public/http2/listener.ts'
import { type OverloadChange, ServiceLimits } from '../../wrappers/limit/concurrency-limit.ts'
import { RetryBudgets } from '../../wrappers/retry/retry-budget.ts'
import { limitOpenFiles } from './open-files.ts'
import type { Settings } from './settings.ts'

/** Creates the concurrency limits of services, none configured yet. Logs when an overload begins and ends. */
export function createLimits(loop: LoopGuard, logger: Logger): ServiceLimits {
  return new ServiceLimits({ loopTurnMs: () => loop.turnMs, onChange: change => logOverload(logger, change) })
}

/**
 * Sets the concurrency limit of every service.
 *
 * @param rules the rules that routes set, by service; a service without a limit there gets that of the configuration
 */
export function configureLimits(
  limits: ServiceLimits,
  rules: ReadonlyMap<string, ServiceRules>,
  { serviceLimit }: Config,
): void {
  const limitOf = (service: string) => rules.get(service)?.serviceLimit ?? serviceLimit
  const isOn = isLimited(serviceLimit) || [...rules.keys()].some(service => isLimited(limitOf(service)))
  limits.configure(isOn, service => (isLimited(limitOf(service)) ? limitOf(service) : undefined))
}

/**
 * Creates the guard that refuses requests while the event loop is overloaded, if `overload.loopDelayMs` is set.
 *
 * @param inFlight returns the number of requests in flight, without WebSockets
 */
export function createLoopGuard(settings: Settings, logger: Logger, inFlight: () => number): LoopGuard {
  const loop = new LoopGuard({
    targetMs: loopTargetMs(settings.config),
    inFlight,
    onChange: change => logLoopOverload(logger, change),
  })
  settings.onSwap(() => {
    loop.targetMs = loopTargetMs(settings.config)
  })
  return loop
}

/** Returns how long a turn of the event loop may take; Infinity = any time. */
function loopTargetMs({ overload }: Pick<Config, 'overload'>): number {
  return overload.loopDelayMs || Number.POSITIVE_INFINITY
}

/** Creates the retry budgets of services. Logs when one is exhausted and when it is available again. */
export function createRetryBudgets(logger: Logger): RetryBudgets {
  return new RetryBudgets((service, isExhausted) => {
    const retryBudget = isExhausted ? 'exhausted' : 'available'
    const reason = isExhausted
      ? 'too many retries failed or were in flight'
      : 'no retry was refused for a while'
    const message = isExhausted ? 'retry budget exhausted' : 'retry budget available again'
    logger.info({ service, retryBudget, reason }, message)
  })
}

/**
 * Creates what the rate limits of all routes share, with counters in memory that hold no key yet.
 *
 * @param shared the counters of the store; undefined = there is none
 */
export function createLimitSettings(settings: Settings, shared: SharedCounters | undefined): LimitSettings {
  const { localKeys } = settings.config.rateLimits
  const { timeOrigin } = performance
  const local = new LocalCounters({
    maxKeys: localKeys,
    now: () => Math.floor((timeOrigin + performance.now()) * 1_000),
    wallNow: () => Date.now() * 1_000,
  })
  // To count the cores takes tens of microseconds, which no request should.
  const now = settings.derive(({ config }) => ({
    headers: config.rateLimits.headers,
    processes: config.rateLimits.expectedGateways * processCount(config),
  }))
  return {
    ...{ local, shared },
    get headers() {
      return now.current.headers
    },
    get processes() {
      return now.current.processes
    },
  }
}

/** Returns the limits and timeouts of the listener. */
export function listenerLimits({ clientLimits }: Config) {
  return {
    maxHeaderBytes: clientLimits.headerBytes,
    headersTimeoutMs: clientLimits.headersTimeoutMs,
    keepAliveTimeoutMs: clientLimits.keepAliveTimeoutMs,
    maxRequestsPerConnection: clientLimits.requestsPerConnection,
  }
}

/** Creates what limits client connections, with the limits of the settings. */
export function createClientConnections(
  settings: Settings,
  isTrustedProxy: (address: string) => boolean,
  logger: Logger,
): ClientConnections {
  const present = () => {
    const maxConnections = limitOpenFiles(settings.config, () => connections.open, logger)
    return connectionLimits(settings.config, maxConnections, isTrustedProxy, logger)
  }
  const connections: ClientConnections = new ClientConnections(present())
  settings.onSwap(() => connections.configure(present()))
  return connections
}

/**
 * Returns the limits and timeouts of client connections. Logs refused connections, at most once a minute each.
 *
 * @param maxConnections the most at the same time; 0 = any number
 */
function connectionLimits(
  { clientLimits }: Config,
  maxConnections: number,
  isTrustedProxy: (address: string) => boolean,
  logger: Logger,
): ClientConnectionOptions {
  return {
    maxConnections,
    maxConnectionsPerAddress: clientLimits.connectionsPerAddress,
    // Longer than Node's own timeout, so that it never ends a connection in the middle of a head that began in time.
    idleTimeoutMs:
      clientLimits.keepAliveTimeoutMs === 0
        ? 0
        : clientLimits.keepAliveTimeoutMs + clientLimits.headersTimeoutMs,
    bodyIdleTimeoutMs: clientLimits.bodyIdleTimeoutMs,
    sendIdleTimeoutMs: clientLimits.sendIdleTimeoutMs,
    minBytesPerSecond: clientLimits.minBytesPerSecond,
    minRateGraceMs: clientLimits.minRateGraceMs,
    isTrustedProxy,
    onRefused: (limit, client) =>
      logger.warn({ limit, client }, 'client connections refused; logged at most once a minute'),
  }
}

/**
 * Creates the reader of the headers that load balancers put in front of connections; undefined when none does. Logs refused
 * connections, at most once a minute for each reason.
 */
export function createProxyProtocol(
  settings: { readonly config: Pick<Config, 'proxyProtocol' | 'clientLimits'> },
  connections: ClientConnections,
  logger: Logger,
): ProxyProtocol | undefined {
  const { from } = settings.config.proxyProtocol
  if (from.length === 0) return undefined
  return new ProxyProtocol({
    from,
    get timeoutMs() {
      return settings.config.clientLimits.headersTimeoutMs
    },
    connections,
    onRefused: (reason, peer) =>
      logger.warn(
        { reason, peer },
        'connections without a valid PROXY header refused; logged at most once a minute for each reason',
      ),
  })
}

/** Returns what the listener is told about HTTP/2; undefined when clients may not speak it. */
export function createHttp2Settings(
  { http2 }: Pick<Config, 'http2'>,
  counts: Http2Counts,
  logger: Logger,
): Http2Settings | undefined {
  if (!http2.enabled) return undefined
  return {
    ...http2,
    counts,
    onEnded: (reason, client) =>
      logger.info(
        { reason, client },
        'HTTP/2 of a client ended; logged at most once a minute for each reason',
      ),
    onUnavailable: () =>
      logger.warn(
        {},
        'HTTP/2 by prior knowledge is off; this version of Node.js does not let go of connections',
      ),
  }
}

function logOverload(logger: Logger, change: OverloadChange): void {
  const { service, kind, limit, inFlight, queued } = change.limiter
  if (change.isOverloaded) {
    const { reason } = change
    logger.info({ service, kind, limit, inFlight, queued, reason }, 'service overloaded')
  } else {
    const { refused, ms } = change
    logger.info(
      { service, kind, limit, refused, overloadedMs: Math.round(ms) },
      'service no longer overloaded',
    )
  }
}

function logLoopOverload(logger: Logger, change: LoopChange): void {
  if (change.isOverloaded) {
    const { inFlight, delayMs } = change
    const reason = `every turn of the event loop takes ${Math.round(delayMs)} ms or more`
    logger.info({ inFlight, reason }, 'gateway overloaded')
  } else {
    const { refused, ms } = change
    logger.info({ refused, overloadedMs: Math.round(ms) }, 'gateway no longer overloaded')
  }
}
