import { createHash, timingSafeEqual } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import type { NodeTable, ServicePeers } from '../internal/node-table.ts'
import { type Peer, stateOf } from '../internal/peer.ts'
import type { Route, RouteAuth } from '../internal/route.ts'
import type { NodePage, RoutePage, RoutesPage, ServicesPage } from './admin-pages.ts'
import type { TableView } from './table-view.ts'

export interface AdminOptions {
  readonly nodes: NodeTable
  readonly table: TableView
  readonly metrics: { render(): Promise<string>; readonly contentType: string }
  /** Whether a table is loaded and shutdown has not begun. */
  readonly isReady: () => boolean
  /** What callers must show as a bearer token; undefined = nothing is asked. */
  readonly token: string | undefined
}

/**
 * The admin listener, not yet listening: /routes, /services, /healthz, /readyz and /metrics. Whoever calls
 * it closes it. The two probes need no token: they tell nothing, and orchestrators have none.
 */
export function createAdmin({ nodes, table, metrics, isReady, token }: AdminOptions): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true })
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`)

  app.addHook('onRequest', (request, reply, done) => {
    const open = request.url === '/healthz' || request.url === '/readyz'
    if (expected === undefined || open || matches(request.headers.authorization, expected)) return done()
    reply.header('www-authenticate', 'Bearer realm="waygate-admin"')
    void reply.code(401).type('application/problem+json').send(problem(401, 'Unauthorized'))
  })
  app.setNotFoundHandler((_request, reply) => {
    void reply.code(404).type('application/problem+json').send(problem(404, 'Not found'))
  })

  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    if (isReady()) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready' })
  })
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()))
  app.get(
    '/services',
    async (): Promise<ServicesPage> => ({
      services: [...nodes.services()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(describeService),
    }),
  )
  app.get('/routes', async (): Promise<RoutesPage> => {
    const { revision, ...source } = table.source()
    return {
      revision: revision ?? null,
      source,
      routes: table.routes().map(route => describeRoute(route, nodes.get(route.service))),
      problems: table.problems(),
    }
  })
  return app
}

function describeRoute(route: Route, service: ServicePeers | undefined): RoutePage {
  return {
    id: route.id,
    origin: route.origin,
    path: route.path,
    methods: route.methods ?? null,
    hosts: route.hosts ?? null,
    service: route.service,
    auth: describeAuth(route.auth),
    stripPrefix: route.stripPrefix,
    timeoutMs: route.timeoutMs,
    retries: route.retries ?? null,
    balancer: route.balancer,
    priority: route.priority,
    fallback: route.fallback?.type ?? null,
    nodes: service?.peers.map(describeNode) ?? [],
  }
}

function describeService(service: ServicePeers) {
  return { name: service.name, nodes: service.peers.map(describeNode) }
}

function describeNode(peer: Peer): NodePage {
  return {
    id: peer.node.id,
    address: peer.address,
    weight: peer.node.weight,
    metadata: peer.node.metadata,
    ...(peer.node.protocol !== undefined && { protocol: peer.node.protocol }),
    state: stateOf(peer),
    breaker: peer.breaker,
    inFlight: peer.inFlight,
    requests: peer.requests,
    failures: peer.failures,
  }
}

/** As a route document writes it. */
function describeAuth(auth: RouteAuth): RoutePage['auth'] {
  if (auth.type === 'none') return 'none'
  const { scopes, roles } = auth
  return scopes.length === 0 && roles.length === 0 ? 'jwt' : { jwt: { scopes, roles } }
}

function problem(status: number, title: string) {
  return { type: 'about:blank', title, status }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Digests have one length whatever was sent, so the comparison takes one time. */
function matches(authorization: string | undefined, expected: Buffer): boolean {
  return authorization !== undefined && timingSafeEqual(digest(authorization), expected)
}
