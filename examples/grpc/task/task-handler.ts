import * as grpc from '@grpc/grpc-js'
import { Problem } from '../../shared/problem.ts'
import type { Task } from '../../task/task-repository.ts'
import type { NewTask, TaskChanges, TaskService } from '../../task/task-service.ts'
import { answering, callerOf, statusOf } from '../shared/calls.ts'
import type { TaskChannel, TaskEvent } from './task-channel.ts'

type Unary<Request> = grpc.ServerUnaryCall<Request, unknown>
type ById = Unary<{ readonly id: string }>

/** The gRPC interface of {@link TaskService}: messages, statuses and streams. `task.proto` describes it. */
export function createTaskHandlers(
  service: TaskService,
  channel: TaskChannel,
): grpc.UntypedServiceImplementation {
  function create(owner: string, { title, done = false }: NewTask): Task {
    checkTitle(title)
    const task = service.create(owner, { title, done })
    channel.publish(owner, { kind: 'CREATED', task })
    return task
  }

  return {
    CreateTask: answering((call: Unary<NewTask>) => messageOf(create(callerOf(call), call.request))),

    ListTasks: answering((call: Unary<object>) => ({ tasks: service.list(callerOf(call)).map(messageOf) })),

    GetTask: answering((call: ById) => messageOf(service.get(callerOf(call), call.request.id))),

    UpdateTask: answering((call: Unary<TaskChanges & { readonly id: string }>) => {
      const owner = callerOf(call)
      const { id, title, done } = call.request
      if (title !== undefined) checkTitle(title)
      const changes = { ...(title !== undefined && { title }), ...(done !== undefined && { done }) }
      const task = service.change(owner, id, changes)
      channel.publish(owner, { kind: 'UPDATED', task })
      return messageOf(task)
    }),

    DeleteTask: answering((call: ById) => {
      const owner = callerOf(call)
      const task = service.get(owner, call.request.id)
      service.remove(owner, task.id)
      channel.publish(owner, { kind: 'DELETED', task })
      return {}
    }),

    ImportTasks: answering(async (call: grpc.ServerReadableStream<NewTask, unknown>) => {
      const owner = callerOf(call)
      let created = 0
      for await (const task of call as AsyncIterable<NewTask>) {
        create(owner, task)
        created++
      }
      return { created }
    }),

    WatchTasks(call: grpc.ServerWritableStream<object, unknown>) {
      try {
        const owner = callerOf(call)
        const onEvent = ({ kind, task }: TaskEvent) => void call.write({ kind, task: messageOf(task) })
        for (const task of service.list(owner)) onEvent({ kind: 'PRESENT', task })
        const onClose = () => {
          call.emit('error', { code: grpc.status.UNAVAILABLE, details: 'the service is about to stop' })
        }
        call.once('cancelled', channel.watch({ owner, onEvent, onClose }))
      } catch (error) {
        call.emit('error', statusOf(error))
      }
    },
  }
}

/** Returns a task as the message `Task`, without its owner. */
function messageOf({ id, title, done, createdAt }: Task): object {
  const ms = Date.parse(createdAt)
  return { id, title, done, createdAt: { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1_000_000 } }
}

function checkTitle(title: string): void {
  // As JSON Schema counts them.
  const { length } = [...title]
  if (length < 1 || length > 500) throw new Problem(400, 'title must have 1 to 500 characters')
}
