import { createHash, timingSafeEqual } from 'node:crypto'
import { Readable } from 'node:stream'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply } from 'fastify'
import { PROBLEM_CONTENT_TYPE } from '../../internal/http/errors.ts'
import { NO_SCHEMAS } from '../no-schemas.ts'
import { readCheckQuestion, readQuestion } from './explain.ts'
import { createForeignCheck } from './foreign-requests.ts'
import type { AdminPages } from './page-types.ts'
import { oneAtATime } from './turns.ts'
import { isOfUi, serveUi } from './ui/serve-ui.ts'
import { writeRoutes, writeServices } from './write-pages.ts'

const { STATUS_CODES } = process.getBuiltinModule('node:http')
/** The media type of Prometheus' text format. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'

/** The largest route document is 256 KiB. */
const MAX_QUESTION_BYTES = 300 * 1024

/** The longest name of a service, each of its characters percent-encoded. */
const MAX_NAME_CHARS = 3 * 255

export interface AdminOptions {
  readonly pages: AdminPages
  /** The bearer token that callers must send; undefined = none. */
  readonly token: string | undefined
  /** Names under which the listener may be called without a token, besides `localhost`. */
  readonly hosts?: readonly string[] | undefined
  /** Whether the page is served at `/`. */
  readonly dashboard?: boolean | undefined
  /** Is called with errors that are ours. */
  readonly onInternalError: (error: unknown) => void
}

/**
 * Makes the admin listener, which does not listen yet: /routes, /services, /services/{name}/methods, /api/v1/explain, /api/v1/check, /healthz, /readyz and
 * /metrics. The caller closes it. The two probes need no token: they reveal nothing, and orchestrators have none. A request
 * with the token may name any host, because no web page of somebody else can have the token.
 */
export function createAdmin({
  pages,
  token,
  hosts = [],
  dashboard = false,
  onInternalError,
}: AdminOptions): FastifyInstance {
  const app = Fastify({
    logger: false,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: MAX_NAME_CHARS },
    schemaController: NO_SCHEMAS,
  })
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`)
  const foreign = createForeignCheck(hosts)
  const metrics = oneAtATime(() => pages.metrics())
  const services = oneAtATime(() => pages.services())
  const routes = oneAtATime(() => pages.routes())

  app.addHook('onRequest', (request, reply, done) => {
    if (request.url === '/healthz' || request.url === '/readyz') return done()
    if (expected === undefined) {
      const found = foreign(request.headers)
      if (found === undefined) return done()
      refuse(reply, found.status, STATUS_CODES[found.status]!, found.detail)
      return
    }
    if (dashboard && isOfUi(request.url)) return done()
    if (matches(request.headers.authorization, expected)) return done()
    reply.header('www-authenticate', 'Bearer realm="waygate-admin"')
    refuse(reply, 401, 'Unauthorized')
  })
  app.setNotFoundHandler((_request, reply) => refuse(reply, 404, 'Not found'))
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    // Requests that Fastify refuses have a status.
    const { statusCode = 500 } = error
    if (statusCode >= 500) onInternalError(error)
    refuse(reply, statusCode, STATUS_CODES[statusCode] ?? 'Error')
  })

  if (dashboard) serveUi(app, reply => refuse(reply, 404, 'Not found'))
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    if (pages.isReady()) return { status: 'ready' }
    return reply.code(503).send({ status: 'not ready' })
  })
  app.get('/metrics', async (_request, reply) => send(reply, await metrics(), METRICS_TYPE))
  app.get<{ Params: { name: string } }>('/services/:name/methods', async ({ params: { name } }, reply) => {
    const page = await pages.methods(name)
    return page ?? refuse(reply, 404, 'Not found', 'the service has no nodes that speak gRPC')
  })
  ask('/api/v1/explain', readQuestion, question => pages.explain(question))
  ask('/api/v1/check', readCheckQuestion, question => pages.check(question))
  app.get('/services', async (_request, reply) => send(reply, writeServices(await services()), JSON_TYPE))
  app.get('/routes', async (_request, reply) => send(reply, writeRoutes(await routes()), JSON_TYPE))
  return app

  /** Answers questions that are posted as JSON. */
  function ask<Question>(
    path: string,
    read: (body: unknown) => Question,
    answer: (question: Question) => Promise<object | undefined>,
  ): void {
    app.post(path, { bodyLimit: MAX_QUESTION_BYTES }, async ({ body }, reply) => {
      let question: Question
      try {
        question = read(body)
      } catch (error) {
        return refuse(reply, 400, 'Bad Request', (error as Error).message)
      }
      return (await answer(question)) ?? refuse(reply, 503, 'Service Unavailable', 'no worker answers')
    })
  }

  /** Sends a page as fast as its reader takes it. */
  function send(
    reply: FastifyReply,
    pieces: Iterable<string> | AsyncIterable<string>,
    type: string,
  ): FastifyReply {
    const body = Readable.from(pieces, { objectMode: false })
    // Once the head is sent, the answer can only be aborted.
    body.once('error', onInternalError)
    return reply.type(type).send(body)
  }
}

function refuse(reply: FastifyReply, status: number, title: string, detail?: string): FastifyReply {
  return reply.code(status).type(PROBLEM_CONTENT_TYPE).send({ type: 'about:blank', title, status, detail })
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** Compares digests, which all have one length, so that the time taken reveals nothing. */
function matches(authorization: string | undefined, expected: Buffer): boolean {
  return authorization !== undefined && timingSafeEqual(digest(authorization), expected)
}
