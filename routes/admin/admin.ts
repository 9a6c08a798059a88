import { createHash, timingSafeEqual } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import { Readable } from 'node:stream'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { PROBLEM_CONTENT_TYPE } from '../../internal/http/errors.ts'
import type { AdminPages } from './page-types.ts'
import { writeRoutes, writeServices } from './write-pages.ts'

/** Of Prometheus' text format. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface AdminOptions {
  readonly pages: AdminPages
  /** What callers must show as a bearer token; undefined = nothing is asked. */
  readonly token: string | undefined
  /** Told of errors that are ours. */
  readonly onInternalError: (error: unknown) => void
}

/**
 * The admin listener, not yet listening: /routes, /services, /healthz, /readyz and /metrics. Whoever calls
 * it closes it. The two probes need no token: they tell nothing, and orchestrators have none.
 */
export function createAdmin({ pages, token, onInternalError }: AdminOptions): FastifyInstance {
  const app = Fastify({ logger: false, forceCloseConnections: true })
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`)

  app.addHook('onRequest', (request, reply, done) => {
    const open = request.url === '/healthz' || request.url === '/readyz'
    if (expected === undefined || open || matches(request.headers.authorization, expected)) return done()
    reply.header('www-authenticate', 'Bearer realm="waygate-admin"')
    void reply.code(401).type(PROBLEM_CONTENT_TYPE).send(problem(401, 'Unauthorized'))
  })
  app.setNotFoundHandler((_request, reply) => {
    void reply.code(404).type(PROBLEM_CONTENT_TYPE).send(problem(404, 'Not found'))
  })
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    // What Fastify does not accept in a request has a status.
    const { statusCode = 500 } = error
    if (statusCode >= 500) onInternalError(error)
    void reply
      .code(statusCode)
      .type(PROBLEM_CONTENT_TYPE)
      .send(problem(statusCode, STATUS_CODES[statusCode] ?? 'Error'))
  })

  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    if (pages.isReady()) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready' })
  })
  app.get('/metrics', async (_request, reply) => reply.type(METRICS_TYPE).send(await pages.metrics()))
  app.get('/services', async (_request, reply) => send(reply, writeServices(await pages.services())))
  app.get('/routes', async (_request, reply) => send(reply, writeRoutes(await pages.routes())))
  return app

  /** As fast as it is taken. */
  function send(reply: FastifyReply, json: AsyncIterable<string>): FastifyReply {
    const body = Readable.from(json, { objectMode: false })
    // Once its head is sent, an answer can only be broken off.
    body.once('error', onInternalError)
    return reply.type('application/json; charset=utf-8').send(body)
  }
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
