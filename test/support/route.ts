import type { Route } from '../../internal/routing/route.ts'
import type { UpstreamRequest } from '../../internal/upstream.ts'

/** A route open to everyone; what is not said is made up. */
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

/** A GET of `/` on its way to a node of `user`; what is not said is made up. */
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
