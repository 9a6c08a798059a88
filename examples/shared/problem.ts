import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** An error that any layer can throw to answer with this status. The client gets the detail. */
export class Problem extends Error {
  readonly statusCode: number

  constructor(statusCode: number, detail: string) {
    super(detail)
    this.statusCode = statusCode
  }
}

/**
 * Makes `app` answer every error as `application/problem+json` (RFC 9457): thrown errors, bodies that do not
 * fit their schema, and paths that do not exist. Internal errors are logged, and the client does not get
 * their details.
 */
export function answerWithProblems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | Problem, request, reply) => {
    const status = error.statusCode ?? 500
    if (status < 500) return send(reply, status, error.message)
    request.log.error({ err: error }, 'request failed')
    return send(reply, status, 'the service failed to answer')
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
