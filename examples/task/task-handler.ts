import type { FastifyInstance } from 'fastify'
import { callerOf } from '../shared/caller.ts'
import type { NewTask, TaskChanges, TaskService } from './task-service.ts'

const fields = { title: { type: 'string', minLength: 1, maxLength: 500 }, done: { type: 'boolean' } }
const newTask = { type: 'object', required: ['title'], additionalProperties: false, properties: fields }
const changes = { type: 'object', minProperties: 1, additionalProperties: false, properties: fields }

const task = {
  type: 'object',
  properties: { id: { type: 'string' }, ...fields, createdAt: { type: 'string' } },
}
const tasks = { type: 'object', properties: { tasks: { type: 'array', items: task } } }

/** Adds the HTTP interface of {@link TaskService}: paths, schemas and status codes. */
export function handleTasks(app: FastifyInstance, service: TaskService): void {
  app.post<{ Body: NewTask }>(
    '/tasks',
    { schema: { body: newTask, response: { 201: task } } },
    async (request, reply) => {
      reply.code(201)
      return service.create(callerOf(request), request.body)
    },
  )

  app.get('/tasks', { schema: { response: { 200: tasks } } }, async request => ({
    tasks: service.list(callerOf(request)),
  }))

  app.get<{ Params: { id: string } }>('/tasks/:id', { schema: { response: { 200: task } } }, async request =>
    service.get(callerOf(request), request.params.id),
  )

  app.patch<{ Params: { id: string }; Body: TaskChanges }>(
    '/tasks/:id',
    { schema: { body: changes, response: { 200: task } } },
    async request => service.change(callerOf(request), request.params.id, request.body),
  )

  app.delete<{ Params: { id: string } }>('/tasks/:id', async (request, reply) => {
    service.remove(callerOf(request), request.params.id)
    reply.code(204)
  })
}
