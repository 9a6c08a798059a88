import type { GrpcRule, Route } from '../../internal/routing/route.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'
import { JSON_OPTIONS } from './json-options.ts'

/** Creates a route that is open to everybody, with defaults for everything not given. */
export function testRoute(values: Partial<Route> = {}): Route {
  return {
    id: 'r1',
    origin: 'etcd',
    path: '/*',
    service: 'user',
    stripPrefix: '',
    auth: { type: 'none' },
    timeoutMs: 5_000,
    balancer: 'weighted-round-robin',
    priority: 0,
    preserveHost: false,
    ...values,
  }
}

/** Creates a request to a node of `user`, `GET /` by default. */
export function testRequest(values: Partial<UpstreamRequest> = {}): UpstreamRequest {
  return {
    route: testRoute(),
    service: 'user',
    method: 'GET',
    target: '/',
    headers: [],
    body: null,
    ...values,
  }
}

/** Creates rules for gRPC calls that allow everything and repeat nothing, but for what is given. */
export function grpcRule(values: Partial<GrpcRule> = {}): GrpcRule {
  return {
    timeoutMs: undefined,
    maxTimeoutMs: undefined,
    retryOn: [],
    retriesAll: false,
    failures: undefined,
    idempotent: [],
    allow: undefined,
    web: true,
    isForJson: false,
    descriptors: undefined,
    bindings: undefined,
    rules: undefined,
    json: JSON_OPTIONS,
    ...values,
  }
}
