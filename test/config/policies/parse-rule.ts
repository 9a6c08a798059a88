import { NO_TOKEN } from '../../../config/route/route-auth.ts'
import { type ParsedRoute, parseRouteDocument } from '../../../config/route/route-document.ts'
import { JSON_OPTIONS } from '../../support/json-options.ts'

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
const GRPC = { maxTimeoutMs: null, retryOn: ['UNAVAILABLE'], json: JSON_OPTIONS } as const

/**
 * Reads a route document whose field `name` holds a rule.
 *
 * @param defaults further fields of `routes.defaults`
 * @param fields further fields of the document
 */
export function parseRule(
  name: string,
  rule: unknown,
  defaults: object = {},
  fields: object = {},
): ParsedRoute {
  return parseRouteDocument(
    'r1',
    { path: '/', service: 's', ...fields, [name]: rule },
    { origin: 'etcd', defaults: { ...DEFAULTS, ...defaults }, grpc: GRPC, defaultAuth: NO_TOKEN },
  )
}
