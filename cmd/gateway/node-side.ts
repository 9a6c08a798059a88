import type { Logger } from 'pino'
import { toHealthCheck } from '../../config/route/health-check.ts'
import type { NodeTable } from '../../internal/nodes/node-table.ts'
import { createSessionCounts, type SessionCounts } from '../../wrappers/http2/session-pool.ts'
import type { ServiceLimits } from '../../wrappers/limit/concurrency-limit.ts'
import type { Names } from '../../wrappers/names/names.ts'
import { FollowedFiles } from './followed-files.ts'
import { countBodyBytes } from './heap.ts'
import { configureLimits } from './limits.ts'
import { LiveHealth } from './live-health.ts'
import { createMirrors, type LiveMirrors } from './mirrors.ts'
import { createNames } from './names.ts'
import { createNodeGuard, type NodeGuard } from './node-guard.ts'
import { createNodeTable } from './node-table.ts'
import { LiveRules } from './service-rules.ts'
import type { Settings } from './settings.ts'
import { UpstreamTls } from './upstream-tls.ts'

export interface NodeSideOptions {
  readonly settings: Settings
  readonly logger: Logger
  /** Returns the port of the admin listener, to which no node may lead. */
  readonly adminPort: () => number
  /** The limits of services, which follow the rules of their routes. */
  readonly limits: ServiceLimits
}

/** The side of a gateway that faces nodes: which there are, how they are reached, and what is known of each. */
export interface NodeSide {
  readonly nodes: NodeTable
  readonly rules: LiveRules
  readonly guard: NodeGuard
  readonly names: Names
  readonly health: LiveHealth
  readonly mirrors: LiveMirrors
  readonly sessions: SessionCounts
  readonly upstreamTls: UpstreamTls
  /** Resolves when the files of TLS to nodes were looked at once, so that what they hold now is used. */
  readonly ready: Promise<void>
  /** Ends all connections to nodes. */
  close(): void
}

export function openNodeSide({ settings, logger, adminPort, limits }: NodeSideOptions): NodeSide {
  const { config, keys } = settings
  const rules = new LiveRules(settings, byService => configureLimits(limits, byService, settings.config))
  const guard = createNodeGuard({ allowedAddresses: config.discovery.allowedAddresses, adminPort })
  const names = createNames(config, logger)
  const sessions = createSessionCounts()
  const upstreamTls = new UpstreamTls({
    ...{ config: config.upstream.tls, keys: keys.upstreamTls, logger },
    ruleOf: service => rules.of(service).upstreamTls,
  })
  const tlsOf = (service: string) => upstreamTls.settingsOf(service)
  const files = new FollowedFiles(upstreamTls.followed)
  const connect = { config, guard, names, tlsOf, onPiece: countBodyBytes }
  const nodes = createNodeTable({ ...connect, rules, logger, sessionCounts: sessions })
  const fallback = settings.derive(({ config: { routes } }) => {
    const { healthCheck } = routes.defaults
    return healthCheck === null ? undefined : toHealthCheck(healthCheck)
  })
  const health = new LiveHealth({
    nodes,
    ruleOf: service => rules.of(service).healthCheck,
    fallback: () => fallback.current,
    ...{ names, allows: guard.allows, tlsOf, logger },
  })
  const mirrors = createMirrors({ ...connect, nodes, settings })
  return {
    ...{ nodes, rules, guard, names, health, mirrors, sessions, upstreamTls },
    ready: files.ready,
    close() {
      files.close()
      health.close()
      mirrors.close()
      nodes.clear()
    },
  }
}
