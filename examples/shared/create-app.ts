import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { answerWithProblems } from './problem.ts'

/** A Fastify instance with what both services have in common: problem answers, /healthz, the gateway's request id. */
export function createApp(logger: FastifyServerOptions['logger'] = false): FastifyInstance {
  const app = Fastify({
    logger,
    bodyLimit: 16 * 1024,
    // One id from the gateway's access log to this service's log.
    requestIdHeader: 'x-request-id',
    // A wrong type or an unknown field is the caller's mistake, not something to be repaired silently.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  })
  answerWithProblems(app)
  app.get('/healthz', { logLevel: 'warn' }, () => ({ status: 'ok' }))
  return app
}
