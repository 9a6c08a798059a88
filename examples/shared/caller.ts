import type { FastifyRequest } from 'fastify'
import { Problem } from './problem.ts'

/**
 * Returns the id of the user who sends the request. The gateway sets `x-user-id` from a token that it has
 * verified, and drops the header when a client sends it. A service that trusts it must be reachable only
 * through the gateway.
 *
 * @throws Problem 401 when the request has no user
 */
export function callerOf(request: FastifyRequest): string {
  const id = request.headers['x-user-id']
  if (typeof id !== 'string' || id === '') {
    throw new Problem(401, 'this path needs a request through the gateway, with a token')
  }
  return id
}
