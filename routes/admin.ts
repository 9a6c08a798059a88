import { createHash, timingSafeEqual } from 'node:crypto'
import Fastify, { type FastifyInstance } from 'fastify'
import type { AdminPages } from './admin-pages.ts'

/** Of Prometheus' text format. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface AdminOptions {
  readonly pages: AdminPages
  /** What callers must show as a bearer token; undefined = nothing is asked. */
  readonly token: string | undefined
}

/**
 * The admin listener, not yet listening: /routes, /services, /healthz, /readyz and /metrics. Whoever calls
 * it closes it. The two probes need no token: they tell nothing, and orchestrators have none.
 */
export function createAdmin({ pages, token }: AdminOptions): FastifyInstance {
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
    if (pages.isReady()) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready' })
  })
  app.get('/metrics', async (_request, reply) => reply.type(METRICS_TYPE).send(await pages.metrics()))
  app.get('/services', () => pages.services())
  app.get('/routes', () => pages.routes())
  return app
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
