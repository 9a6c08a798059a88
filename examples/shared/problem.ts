import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** Thrown by any layer to answer with this status and, for the caller to read, this detail. */
export class Problem extends Error {
  readonly statusCode: number

  constructor(statusCode: number, detail: string) {
    super(detail)
    this.statusCode = statusCode
  }
}

/**
 * Makes every error of `app` an `application/problem+json` answer (RFC 9457): thrown ones, bodies that do
 * not fit their schema, and paths that do not exist. What went wrong inside is logged and not told.
 */
export function answerWithProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const status = error.statusCode ?? 500
    if (status < 500) return send(reply, status, error.message)
    request.log.error({ err: error }, 'request failed')
    return send(reply, status, 'the service could not answer')
  })
  app.setNotFoundHandler((request: FastifyRequest, reply) =>
    send(reply, 404, `there is no ${request.method} ${request.url.split('?', 1)[0]}`),
  )
}

function send(reply: FastifyReply, status: number, detail: string): FastifyReply {
  return reply
    .code(status)
    .type('application/problem+json')
    .send({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail })
}
