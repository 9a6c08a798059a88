import { isLimited } from '../../config/route/resilience-rules.ts'
import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import { type LoopChange, LoopGuard } from '../../middleware/request/loop-guard.ts'
import { Limits, type OverloadChange } from '../../wrappers/limit/service-limits.ts'
import type { ServiceRules } from './service-rules.ts'

/** The limits of all services, none yet; the beginning and the end of each overload are logged. */
export function createLimits(loop: LoopGuard, logger: Logger): Limits {
  return new Limits({ loopTurnMs: () => loop.turnMs, onChange: change => logOverload(logger, change) })
}

/** @param rules what routes say of their services; the others have the limit of the configuration */
export function configureLimits(
  limits: Limits,
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
