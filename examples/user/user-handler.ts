import type { FastifyInstance } from 'fastify'
import { callerOf } from '../shared/caller.ts'
import { type Credentials, USER_NAME, type UserService } from './user-service.ts'

const credentials = {
  type: 'object',
  required: ['name', 'password'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', pattern: USER_NAME.source },
    password: { type: 'string', minLength: 8, maxLength: 256 },
  },
}

// Responses contain only these fields, so the password hash cannot leak with the rest of the row.
const user = { type: 'object', properties: { id: { type: 'string' }, name: { type: 'string' } } }

/** Adds the HTTP interface of {@link UserService}: paths, schemas and status codes. */
export function handleUsers(app: FastifyInstance, users: UserService): void {
  app.post<{ Body: Credentials }>(
    '/register',
    { schema: { body: credentials, response: { 201: user } } },
    async (request, reply) => {
      reply.code(201)
      return users.register(request.body)
    },
  )

  app.post<{ Body: Credentials }>('/login', { schema: { body: credentials } }, async (request, reply) => {
    reply.header('cache-control', 'no-store')
    return users.login(request.body)
  })

  app.get('/me', { schema: { response: { 200: user } } }, async request => users.byId(callerOf(request)))
}
