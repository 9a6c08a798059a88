import { NO_TOKEN } from '../../../config/route/route-auth.ts'
import { type ParsedRoute, parseRouteDocument } from '../../../config/route/route-document.ts'

const DEFAULTS = {
  timeoutMs: 15_000,
  retries: null,
  tryTimeoutMs: null,
  retryOn: [],
  retryBufferBytes: 0,
  balancer: 'weighted-round-robin',
  slowStartMs: 0,
  rewriteLocation: true,
} as const

/**
 * Reads a route document whose field `name` holds a rule.
 *
 * @param defaults further fields of `routes.defaults`
 */
export function parseRule(name: string, rule: unknown, defaults: object = {}): ParsedRoute {
  return parseRouteDocument(
    'r1',
    { path: '/', service: 's', [name]: rule },
    { origin: 'etcd', defaults: { ...DEFAULTS, ...defaults }, defaultAuth: NO_TOKEN },
  )
}
