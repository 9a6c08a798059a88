import type { FastifyRequest } from 'fastify'
import { Problem } from './problem.ts'

/**
 * The id of the user who asks. The gateway sets `x-user-id` from a token it has verified, and drops what a
 * client sends under that name: a service that believes it must be reachable through the gateway alone.
 *
 * @throws Problem 401 when the request did not come with a user
 */
export function callerOf(request: FastifyRequest): string {
  const id = request.headers['x-user-id']
  if (typeof id !== 'string' || id === '') {
    throw new Problem(401, 'this is answered only through the gateway, with a token')
  }
  return id
}
