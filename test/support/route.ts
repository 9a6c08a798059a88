import type { Route } from '../../internal/route.ts'

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
