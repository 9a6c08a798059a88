import { isLimited } from '../../config/route/resilience-rules.ts'
import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import { ClientConnections } from '../../middleware/connection/client-connections.ts'
import { type LoopChange, LoopGuard } from '../../middleware/request/loop-guard.ts'
import { type OverloadChange, ServiceLimits } from '../../wrappers/limit/concurrency-limit.ts'
import { RetryBudgets } from '../../wrappers/retry/retry-budget.ts'
import type { ServiceRules } from './service-rules.ts'

/** The limits of all services, none yet; the beginning and the end of each overload are logged. */
export function createLimits(loop: LoopGuard, logger: Logger): ServiceLimits {
  return new ServiceLimits({ loopTurnMs: () => loop.turnMs, onChange: change => logOverload(logger, change) })
}

/** @param rules what routes say of their services; the others have the limit of the configuration */
export function configureLimits(
  limits: ServiceLimits,
  rules: ReadonlyMap<string, Partial<ServiceRules>>,
  { serviceLimit }: Config,
): void {
  const limitOf = (service: string) => rules.get(service)?.serviceLimit ?? serviceLimit
  const isOn = isLimited(serviceLimit) || [...rules.keys()].some(service => isLimited(limitOf(service)))
  limits.configure(isOn, service => (isLimited(limitOf(service)) ? limitOf(service) : undefined))
}

/** What refuses requests while the event loop is late, where the configuration wants that. */
export function createLoopGuard({ overload }: Config, logger: Logger, underWay: () => number): LoopGuard {
  return new LoopGuard({
    targetMs: overload.loopDelayMs || Number.POSITIVE_INFINITY,
    underWay,
    onChange: change => logLoopOverload(logger, change),
  })
}

/** The retry budgets of all services; that one is exhausted, and that it no longer is, is logged. */
export function createRetryBudgets(logger: Logger): RetryBudgets {
  return new RetryBudgets((service, isExhausted) => {
    const retryBudget = isExhausted ? 'exhausted' : 'available'
    const reason = isExhausted ? 'too many retries bring nothing better' : 'none was refused for a while'
    logger.info({ service, retryBudget, reason }, 'retry budget changed')
  })
}

/** The connections of clients, limited as configured; those not taken are told of in the log. */
export function createClientConnections(
  { clientLimits }: Config,
  isTrustedProxy: (address: string) => boolean,
  logger: Logger,
): ClientConnections {
  return new ClientConnections({
    maxConnections: clientLimits.connections,
    maxConnectionsPerAddress: clientLimits.connectionsPerAddress,
    // Later than Node's own, and never in the middle of a head that has begun in time.
    idleTimeoutMs:
      clientLimits.keepAliveTimeoutMs === 0
        ? 0
        : clientLimits.keepAliveTimeoutMs + clientLimits.headersTimeoutMs,
    bodyIdleTimeoutMs: clientLimits.bodyIdleTimeoutMs,
    sendIdleTimeoutMs: clientLimits.sendIdleTimeoutMs,
    isTrustedProxy,
    onRefused: (limit, client) =>
      logger.warn({ limit, client }, 'client connections are refused; told at most once a minute'),
  })
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
    const { underWay, delayMs } = change
    const reason = `each turn of the event loop takes ${Math.round(delayMs)} ms or more`
    logger.info({ inFlight: underWay, reason }, 'gateway overloaded')
  } else {
    const { refused, ms } = change
    logger.info({ refused, overloadedMs: Math.round(ms) }, 'gateway no longer overloaded')
  }
}
