import type { Contender } from '../scenario.ts'
import { SECRET } from '../tokens.ts'

/** @param mode is given to its program; the node is a gRPC node if it is `grpc` */
export const peer = (name: string, file: string, mode?: string): Contender => ({
  name,
  start: scene => scene.startContender(file, mode),
})

/** Waygate with a token checked on every request, three weighted nodes with a breaker each, and all metrics; no access log. */
export const waygate: Contender = {
  name: 'Waygate',
  start: scene => scene.startWaygate({ config: { jwt: { secret: SECRET } } }),
}

/** The same in front of nodes that speak gRPC. */
export const grpcWaygate: Contender = {
  name: 'Waygate',
  start: scene => scene.startWaygate({ config: { jwt: { secret: SECRET } }, isGrpc: true }),
}

/** The contender that the others are compared with. */
export const bareHttpProxy = peer('bare @fastify/http-proxy', 'http-proxy.ts')

/** Other proxies and gateways, each in front of one node and with no further features. */
export const peers: readonly Contender[] = [
  peer('fast-gateway', 'fast-gateway.ts'),
  peer('http-proxy-3', 'http-proxy-3.ts'),
  peer('http-proxy-middleware', 'http-proxy-middleware.ts'),
  peer('@platformatic/gateway', 'platformatic-gateway.ts'),
  peer('nginx', 'nginx.ts'),
  peer('HAProxy', 'haproxy.ts'),
  peer('Caddy', 'caddy.ts'),
]

/** Forwards answers of any length to requests without a body and does nothing else. */
export const streaming = peer('node:http + undici, streaming', 'undici-stream.ts')

/** Forwards small answers to requests without a body and does nothing else. */
export const passThrough = peer('node:http + undici, no features', 'undici-dispatch.ts')
