import type { Config } from '../../config/schema.ts'
import type { Logger } from '../../discovery/logger.ts'
import { createNameQuery } from '../../wrappers/names/name-query.ts'
import { Names } from '../../wrappers/names/names.ts'

/** A name server that is silent makes many names fail at once: there is a line for one of them in each period. */
const LOG_PERIOD_MS = 10_000

/** Creates what resolves the hosts of nodes, as configured. Look-ups that begin to fail are logged. */
export function createNames(config: Config, logger: Logger): Names {
  const { servers, minTtlMs, maxTtlMs } = config.upstream.dns
  let loggedAt = Number.NEGATIVE_INFINITY
  let hasLogged = false
  let later: NodeJS.Timeout | undefined
  /** The names that a later line can be about, with what went wrong. */
  const unsaid = new Map<string, Error>()
  const warn = (host: string, error: Error) => {
    loggedAt = performance.now()
    hasLogged = true
    unsaid.clear()
    const { failing } = names
    logger.warn({ host, reason: error.message, failing }, 'name of a node could not be looked up')
  }
  const names = new Names({
    query: createNameQuery({ servers: servers ?? undefined }),
    ...{ minTtlMs, maxTtlMs },
    onChange(host, error) {
      const waitMs = loggedAt + LOG_PERIOD_MS - performance.now()
      if (error === undefined) {
        unsaid.delete(host)
        if (names.failing > 0) return
        clearTimeout(later)
        later = undefined
        if (hasLogged) logger.info({}, 'all names of nodes are found again')
        hasLogged = false
      } else if (waitMs <= 0) warn(host, error)
      else {
        unsaid.set(host, error)
        later ??= setTimeout(() => {
          later = undefined
          const [first] = unsaid
          if (first) warn(...first)
        }, waitMs).unref()
      }
    },
  })
  return names
}
