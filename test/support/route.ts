import type { Route } from '../../internal/routing/route.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'

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
