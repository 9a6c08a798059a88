import { openDatabase } from '../../shared/database.ts'
import { TASK_SCHEMA, TaskRepository } from '../../task/task-repository.ts'
import { TaskService } from '../../task/task-service.ts'
import { createGrpcService, type GrpcService } from '../shared/server.ts'
import { TaskChannel } from './task-channel.ts'
import { createTaskHandlers } from './task-handler.ts'

/**
 * Puts the layers of the task service together: the handlers of gRPC above the rules and the SQL of the HTTP example.
 *
 * @param path a SQLite file, or `:memory:`
 * @returns the service, and what closes the database after it
 */
export async function openTasks(path: string): Promise<{ service: GrpcService; close: () => void }> {
  const database = await openDatabase(path, TASK_SCHEMA)
  const channel = new TaskChannel()
  const service = createGrpcService({
    file: 'task/v1/task.proto',
    service: 'task.v1.Tasks',
    handlers: createTaskHandlers(new TaskService(new TaskRepository(database)), channel),
    onClose: () => channel.close(),
  })
  return { service, close: () => database.close() }
}
