import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { answerWithProblems } from './problem.ts'

/**
 * Creates a Fastify instance with what both services share: problem documents, /healthz and the gateway's
 * request id.
 */
export function createApp(logger: FastifyServerOptions['logger'] = false): FastifyInstance {
  const app = Fastify({
    logger,
    bodyLimit: 16 * 1024,
    // The gateway's access log and this service's log then show the same id.
    requestIdHeader: 'x-request-id',
    // A wrong type or an unknown field is a mistake of the client and must not be repaired silently.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  })
  answerWithProblems(app)
  app.get('/healthz', { logLevel: 'warn' }, () => ({ status: 'ok' }))
  return app
}
