import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { createApp } from '../shared/create-app.ts'
import { openDatabase } from '../shared/database.ts'
import { handleTasks } from './task-handler.ts'
import { TASK_SCHEMA, TaskRepository } from './task-repository.ts'
import { TaskService } from './task-service.ts'

export interface TaskAppOptions {
  /** A SQLite file, or `:memory:`. Several nodes on one machine may share a file. */
  readonly database: string
  readonly logger?: FastifyServerOptions['logger']
}

/** Creates the task service, ready for `listen()` or `inject()`. Closing it closes its database. */
export async function buildApp({ database: path, logger }: TaskAppOptions): Promise<FastifyInstance> {
  const database = await openDatabase(path, TASK_SCHEMA)
  const app = createApp(logger)
  handleTasks(app, new TaskService(new TaskRepository(database)))
  app.addHook('onClose', () => database.close())
  return app
}
